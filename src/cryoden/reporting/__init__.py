"""Pages, tables, charts and thumbnails of reports."""
