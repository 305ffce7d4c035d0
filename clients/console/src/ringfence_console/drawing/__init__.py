"""Pictures as SVG text: classes only, no style of their own, so that themes, print and forced colours reach them."""
