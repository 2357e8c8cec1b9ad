"""Rows of a report and photos name their import without a foreign key: each check cost more than writing the row.

Whoever writes them counts them in the same transaction, which fails where the import is not there; none is deleted.
"""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_constraint(op.f("import_row_import_id_fkey"), "import_row", schema="modiste", type_="foreignkey")
    op.drop_constraint(op.f("photo_import_id_fkey"), "photo", schema="modiste", type_="foreignkey")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table, ondelete in (("photo", None), ("import_row", "CASCADE")):
        op.create_foreign_key(
            op.f(f"{table}_import_id_fkey"),
            table,
            "import",
            ["import_id"],
            ["id"],
            source_schema="modiste",
            referent_schema="modiste",
            ondelete=ondelete,
        )
