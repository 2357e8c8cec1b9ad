// Works the review by keyboard: a accepts, a number chooses, o opens the other words, s skips, u takes back.
"use strict";

const WRITING = "input, select, textarea";

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") event.target.closest(WRITING)?.blur();
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.target.closest(WRITING)) return;
  if (event.key === "o") {
    event.preventDefault();
    document.querySelector("[data-other]")?.focus();
    return;
  }
  const wanted = event.key === "a" ? "[data-accept]" : `[data-key="${CSS.escape(event.key)}"]`;
  document.querySelector(wanted)?.click();
});

// One answer an item: a second press while the page goes on would correct the next one's predecessor again.
document.querySelectorAll(".answer-form").forEach((form) =>
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  }),
);
addEventListener("pageshow", () => document.querySelectorAll(".answer-form").forEach((form) => delete form.dataset.sent));
