"""Who calls, and what they may: certificates and tokens read into a caller, and the protos' access rules held."""
