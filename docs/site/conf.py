"""How Sphinx builds docs/ into a site: `make docs`. Every page is Markdown that a code host shows as well."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(ROOT)]

project = "modiste"
author = "the authors of modiste"
extensions = ["myst_parser", "references"]
source_suffix = {".md": "markdown"}
root_doc = "index"
exclude_patterns = ["site", "images"]
nitpicky = True

myst_heading_anchors = 4
# Answers in the guides are shortened with "…", which is no JSON.
suppress_warnings = ["misc.highlighting_failure"]
highlight_language = "none"

html_theme = "furo"
html_title = "modiste"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
pygments_style = "friendly"
pygments_dark_style = "github-dark"
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#8a3324", "color-brand-content": "#8a3324"},
    "dark_css_variables": {"color-brand-primary": "#e9a48f", "color-brand-content": "#e9a48f"},
}
