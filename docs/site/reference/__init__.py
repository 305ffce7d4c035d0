"""The reference: pages made from the code each time the site is built, and committed nowhere."""
