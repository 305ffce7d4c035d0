"""Sphinx's settings. `python -m docs.site` lays out the sources, and names the language by a setting of its own."""

from __future__ import annotations

import gc
import os

from docs.site.catalogues import TRANSLATED
from docs.site.places import ROOT

# A build ends before garbage is worth looking for, which would take a quarter of it.
gc.disable()

LANGUAGE = os.environ.get("RINGFENCE_SITE_LANGUAGE", "en")

project = "Ringfence"
author = "Ringfence"
version = release = ""
language = LANGUAGE
root_doc = "index"
extensions = ["myst_parser", "sphinx.ext.autodoc", "docs.site.pages"]
source_suffix = {".md": "markdown"}
templates_path = [str(ROOT / "docs" / "site" / "templates")]
gettext_compact = False
gettext_uuid = False
if os.environ.get("RINGFENCE_SITE_PART") == "translated":
    include_patterns = [f"{each}.md" if each == root_doc else f"{each}/**" for each in TRANSLATED]

nitpicky = True
# Examples that are shortened by … are coloured as far as they go.
suppress_warnings = ["misc.highlighting_failure"]
nitpick_ignore_regex = [
    # What is not the SDK's has no page of its name here, and none is fetched from elsewhere.
    (r"py:.*", r"(?!ringfence\.).*"),
    # Generated code of the protos has pages of its own, made from the descriptors.
    (r"py:.*", r"ringfence\..*_pb2\..*"),
    # Variables of types, and what a module keeps to itself.
    (r"py:.*", r"ringfence\.\w+\.(Terms|Row|Result|_\w+)"),
]

myst_heading_anchors = 4
myst_fence_as_directive = {"mermaid"}
myst_links_external_new_tab = False

autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100
toc_object_entries_show_parents = "hide"
default_role = "code"
smartquotes = False

html_theme = "furo"
html_title = "Ringfence"
html_show_copyright = False
html_static_path = [str(ROOT / "docs" / "site" / "static")]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_use_index = True
html_domain_indices = False
html_last_updated_fmt = None
html_permalinks_icon = "#"
pygments_style = "friendly"
pygments_dark_style = "github-dark"
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "sidebar/languages.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0b5c7a", "color-brand-content": "#0b5c7a"},
    "dark_css_variables": {"color-brand-primary": "#6fc3e3", "color-brand-content": "#6fc3e3"},
}
