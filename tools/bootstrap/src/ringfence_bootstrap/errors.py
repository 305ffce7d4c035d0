"""What stops a bootstrap; each text says what is wrong and what to do."""


class BootstrapError(Exception):
    """A plan cannot be made or carried out; nothing was changed after the step that the text names."""


class DescriptionInvalid(BootstrapError):
    """The description of the installation cannot be used; the text names the field."""


class TokenUnusable(BootstrapError):
    """The administrator's token was not given, or Vault does not know it."""


class Unmendable(BootstrapError):
    """Something is there that differs in what can be chosen only when it is made; a person has to decide."""


class NotConverged(BootstrapError):
    """After everything was made there is still a difference: somebody else changes the same objects."""


class NatsRefused(BootstrapError):
    """NATS understood and said no; the text is its own."""
