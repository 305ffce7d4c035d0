"""`ringfence demo`: the main job from onboarding to proof, on real parts."""

from ringfence_local_stack.sandbox.opening import Fresh


def demo(fresh: Fresh = False) -> None:
    """Moves clients' money through the whole platform and proves it to a regulator.

    Ends with a summary; any deviation from the expected end states is a failure. The same again changes nothing.
    """
    from ringfence_local_stack.demo.story import tell

    tell(fresh)
