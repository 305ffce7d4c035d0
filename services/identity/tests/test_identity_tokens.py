"""Assertions are spent once; tokens say no more than the principal may; authorisations bind a submission."""

from typing import Any

import pytest
from ringfence_identity.aliases.domain import aliases
from ringfence_identity.aliases.domain.aliases import NewAlias
from ringfence_identity.principals.domain import principals
from ringfence_identity.principals.domain.errors import ExistsWithDifferentData, PrincipalNotActive
from ringfence_identity.principals.domain.principals import Actor
from ringfence_identity.principals.domain.roles import SCOPES_OF_KIND, Kind
from ringfence_identity.tokens.domain import access, authorisations, enrolment
from ringfence_identity.tokens.domain.assertions import Assertion, check_claims, require_unspent
from ringfence_identity.tokens.domain.authorisations import Submission
from ringfence_identity.tokens.domain.bearers import Presented, require_bearer
from ringfence_identity.tokens.domain.errors import (
    AssertionExpired,
    AssertionInvalid,
    AssertionReplayed,
    CertificateMismatch,
    ScopeNotHeld,
    SubmissionRefused,
)
from ringfence_identity.tokens.domain.holders import TokenHolder
from ringfence_kernel.values.clock import DAY_NS
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_kernel.values.ids import show
from ringfence_kernel.writing.recent import LookedUp

SECOND = 10**9
TOKEN = b"token-id........"
SUBMISSION = b"submission-1...."
DIGEST = b"d" * 32
KEY = b"k" * 32
NEVER: LookedUp[Any] = LookedUp(0)
"""A look into a table that has nothing."""


def claims(world: Any, principal: bytes, **changes: object) -> dict[str, object]:
    """Returns the claims of a good assertion, with changes; None removes a claim."""
    made: dict[str, object] = {
        "iss": show(principal),
        "sub": show(principal),
        "aud": "ringfence-identity",
        "iat": world.now_ns // SECOND,
        "exp": world.now_ns // SECOND + 300,
        "jti": "one",
    }
    return {name: value for name, value in {**made, **changes}.items() if value is not None}


def own(principal: bytes) -> Presented:
    """Returns the principal's own certificate."""
    return Presented(principal, b"c" * 32)


def spend(world: Any, assertion: Assertion, wanted: frozenset[str] = frozenset()) -> access.AccessGrant:
    """Grants and issues, as the service does."""
    presented = own(assertion.principal)
    grant = access.grant_access(*world.of_tokens, assertion, presented, wanted, TOKEN, world.now_ns, 0)
    world.happens(access.issue(*world.of_tokens, assertion, presented, grant, world.now_ns))
    return grant


def submission(world: Any, **changes: Any) -> Submission:
    """Describes a submission of the first platform."""
    made: dict[str, Any] = {"tenant": world.platform, "id": SUBMISSION, "digest": DIGEST}
    submitter, scopes = changes.pop("submitter", world.platform), changes.pop("submitter_scopes", {"payments.submit"})
    return Submission(TokenHolder(submitter, None, frozenset(scopes), b"c" * 32, 0), **{**made, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": None},
        {"iss": "someone"},
        {"sub": show(b"somebody else...")},
        {"aud": None},
        {"aud": "ringfence"},
        {"aud": ["ringfence-identity", "another"]},
        {"jti": None},
        {"jti": ""},
        {"jti": "x" * 129},
        {"jti": 7},
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"exp": 1_800_000_100.5},
        {"nbf": 1_800_000_031},
        {"iat": 1_800_000_031},
    ],
)
def test_malformed_claims_are_refused(world: Any, changes: dict[str, object]) -> None:
    """A claim that is missing, foreign or of another type makes the assertion worthless."""
    with pytest.raises(AssertionInvalid):
        check_claims(claims(world, world.platform, **changes), KEY, world.now_ns)


@pytest.mark.parametrize("seconds", [-10, 0, 331, 10**6])
def test_assertion_lives_five_minutes_at_most(world: Any, seconds: int) -> None:
    """An assertion that has ended, or would live longer than five minutes and the clock skew, is refused."""
    expires = world.now_ns // SECOND + seconds
    with pytest.raises(AssertionExpired):
        check_claims(claims(world, world.platform, exp=expires), KEY, world.now_ns)


def test_assertion_is_spent_once(world: Any) -> None:
    """The second use of a jti is refused as long as the assertion could still be valid."""
    assertion = check_claims(claims(world, world.platform), KEY, world.now_ns)
    spend(world, assertion)
    world.now_ns += 299 * SECOND
    other = check_claims(claims(world, world.platform, jti="two"), KEY, world.now_ns)
    spend(world, other)
    with pytest.raises(AssertionReplayed):
        spend(world, assertion)


def test_jti_of_another_principal_is_another_jti(world: Any) -> None:
    """Two principals may happen to choose the same jti."""
    spend(world, check_claims(claims(world, world.platform), KEY, world.now_ns))
    spend(world, check_claims(claims(world, world.other), KEY, world.now_ns))


def test_spent_assertions_are_forgotten_when_they_cannot_come_back(world: Any) -> None:
    """Memory of spent assertions is bounded by their life."""
    for number in range(20):
        assertion = check_claims(claims(world, world.platform, jti=str(number)), KEY, world.now_ns)
        spend(world, assertion)
        world.now_ns += 60 * SECOND
    assert len(world.tokens.assertions) <= 7


def test_an_assertion_is_spent_once_also_where_the_history_is_ahead(world: Any) -> None:
    """Events that are dated ahead of the clock let nothing come back, and what cannot come back is forgotten."""
    began_ns = world.now_ns

    def spent_at(now_ns: int, name: str) -> Assertion:
        """Spends an assertion, whose event is dated a day after the time of the decision."""
        world.now_ns = now_ns
        assertion = check_claims(claims(world, world.platform, jti=name), KEY, now_ns)
        grant = access.grant_access(*world.of_tokens, assertion, own(world.platform), frozenset(), TOKEN, now_ns, 0)
        events = access.issue(*world.of_tokens, assertion, own(world.platform), grant, now_ns)
        world.now_ns = now_ns + DAY_NS
        world.happens(events)
        return assertion

    first = spent_at(began_ns, "first")
    spent_at(began_ns + 200 * SECOND, "second")
    with pytest.raises(AssertionReplayed):
        require_unspent(world.tokens, first, began_ns + 250 * SECOND)
    spent_at(began_ns + 3_600 * SECOND, "later")
    assert len(world.tokens.assertions) == 1


def test_token_needs_the_own_certificate(world: Any) -> None:
    """Another principal's certificate is refused, and so is one of its own that is not pinned."""
    world.first(b"pinned-feed.....", Kind.BANK_FEED, certificate=b"p" * 32)
    assertion = check_claims(claims(world, world.platform), KEY, world.now_ns)
    with pytest.raises(CertificateMismatch):
        require_bearer(*world.of_tokens, assertion, own(world.other), world.now_ns)
    pinned = check_claims(claims(world, b"pinned-feed....."), KEY, world.now_ns)
    with pytest.raises(CertificateMismatch):
        require_bearer(*world.of_tokens, pinned, own(b"pinned-feed....."), world.now_ns)
    held = Presented(b"pinned-feed.....", b"p" * 32)
    world.happens(enrolment.enrol(*world.of_tokens, pinned, held, b"c" * 32, world.now_ns + SECOND, world.now_ns))
    require_bearer(*world.of_tokens, pinned, own(b"pinned-feed....."), world.now_ns)


def test_pending_and_suspended_principals_get_no_token(world: Any) -> None:
    """A principal that waits for its second operator, or was stopped, proves its key in vain."""
    importer = world.principal(b"importer........", Kind.IMPORTER, world.platform)
    world.happens(principals.register(*world.of_principals, importer, world.alice, world.now_ns))
    world.happens(principals.suspend(world.principals, world.platform, "order 7", world.alice))
    for number, principal in enumerate((importer.id, world.platform)):
        with pytest.raises(PrincipalNotActive):
            spend(world, check_claims(claims(world, principal, jti=str(number)), KEY, world.now_ns))


def test_scopes_are_those_of_the_role_or_fewer(world: Any) -> None:
    """No wish means every scope of the role; a wish beyond it is refused whole."""
    first = check_claims(claims(world, world.platform), KEY, world.now_ns)
    with pytest.raises(ScopeNotHeld):
        spend(world, first, frozenset({"payments.submit", "custody.transfers.create"}))
    assert spend(world, first).scopes == tuple(sorted(SCOPES_OF_KIND[Kind.PLATFORM]))
    second = check_claims(claims(world, world.platform, jti="two"), KEY, world.now_ns)
    assert spend(world, second, frozenset({"payments.read"})).scopes == ("payments.read",)


def test_suspension_between_signature_and_commit_counts(world: Any) -> None:
    """A token that was signed before the principal was suspended is not released after."""
    assertion = check_claims(claims(world, world.platform), KEY, world.now_ns)
    grant = access.grant_access(*world.of_tokens, assertion, own(world.platform), frozenset(), TOKEN, world.now_ns, 0)
    world.happens(principals.suspend(world.principals, world.platform, "order 7", world.alice))
    with pytest.raises(PrincipalNotActive):
        access.issue(*world.of_tokens, assertion, own(world.platform), grant, world.now_ns)


def test_an_assertion_that_ended_before_the_commit_is_not_spent(world: Any) -> None:
    """A slow signature cannot carry an assertion beyond its end, where its first use may be forgotten already."""
    assertion = check_claims(claims(world, world.platform), KEY, world.now_ns)
    spend(world, assertion)
    late = access.AccessGrant(
        TOKEN, world.principals.principals[world.platform], (), b"c" * 32, b"k" * 32, world.now_ns, 0, 0
    )
    world.now_ns += 361 * SECOND
    other = check_claims(claims(world, world.platform, jti="two"), KEY, world.now_ns)
    spend(world, other)
    with pytest.raises(AssertionExpired):
        access.issue(*world.of_tokens, assertion, own(world.platform), late, world.now_ns)
    with pytest.raises(AssertionExpired):
        enrolment.enrol(*world.of_tokens, assertion, own(world.platform), b"c" * 32, world.now_ns, world.now_ns)


def test_access_token_claims(world: Any) -> None:
    """A token names its holder, tenant, role and scopes, lives five minutes and is bound to the certificate."""
    grant = spend(world, check_claims(claims(world, world.platform), KEY, world.now_ns))
    made = access.access_claims(grant, "ringfence-identity")
    assert made["sub"] == made["tenant"] == show(world.platform)
    assert made["roles"] == ["platform"]
    assert (made["iat"], made["exp"]) == (1_800_000_000, 1_800_000_300)
    assert made["cnf"] == {"x5t#S256": "Y2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2M"}
    operator = spend(world, check_claims(claims(world, world.alice), KEY, world.now_ns))
    assert "tenant" not in access.access_claims(operator, "ringfence-identity")


def test_authorisation_binds_one_submission_of_one_tenant(world: Any) -> None:
    """The authorisation outlives the access token, names what was submitted, and is held by the workload."""
    (event,) = world.happens(
        authorisations.authorise(*world.of_authorisations, submission(world), TOKEN, world.now_ns, NEVER)
    )
    holder = "spiffe://ringfence.local/service/payment-instruction"
    made = authorisations.authorisation_claims(event, "ringfence-identity", holder, world.now_ns)
    assert made["tenant"] == show(world.platform)
    assert made["scope"] == "custody.transfers.create custody.book.read"
    assert (made["txn"], made["sha256"]) == (show(SUBMISSION), DIGEST.hex())
    assert made["exp"] == 1_800_000_000 + 30 * 86_400
    assert made["cnf"] == {"spiffe": holder}


def test_submission_is_authorised_for_one_digest(world: Any) -> None:
    """The same submission may be authorised again, never for other contents; another tenant's ids are its own."""
    world.happens(authorisations.authorise(*world.of_authorisations, submission(world), TOKEN, world.now_ns, NEVER))
    world.happens(authorisations.authorise(*world.of_authorisations, submission(world), TOKEN, world.now_ns, NEVER))
    with pytest.raises(ExistsWithDifferentData):
        authorisations.authorise(
            world.tokens,
            world.principal_queries,
            world.alias_queries,
            submission(world, digest=b"e" * 32),
            TOKEN,
            world.now_ns,
            NEVER,
        )
    other = submission(world, submitter=world.other, tenant=world.other, digest=b"e" * 32)
    world.happens(authorisations.authorise(*world.of_authorisations, other, TOKEN, world.now_ns, NEVER))


def test_submission_needs_the_right_submitter(world: Any) -> None:
    """A foreign tenant, a token without the scope, an approver or an unknown tenant authorise nothing."""
    approver = world.principal(b"approver........", Kind.PLATFORM_APPROVER, world.platform)
    world.happens(principals.register(*world.of_principals, approver, world.alice, world.now_ns))
    world.first(b"bank-feed.......", Kind.BANK_FEED)
    evidence = frozenset({"payments.evidence"})
    for wrong in (
        submission(world, tenant=world.other),
        submission(world, submitter_scopes=frozenset({"payments.read"})),
        submission(world, submitter=approver.id),
        submission(world, submitter=b"nobody.........."),
        submission(world, submitter=b"bank-feed.......", submitter_scopes=evidence, tenant=b"unknown-tenant.."),
    ):
        with pytest.raises(SubmissionRefused):
            authorisations.authorise(*world.of_authorisations, wrong, TOKEN, world.now_ns, NEVER)


def test_bank_feed_speaks_for_tenants_with_an_account_at_its_bank(world: Any) -> None:
    """Evidence is authorised for a tenant only when an operator registered an account of it with this very bank."""
    for feed in (b"bank-feed.......", b"another-bank...."):
        world.first(feed, Kind.BANK_FEED)
    mirror = NewAlias(
        world.platform, b"mirror-account..", world.platform, True, b"i" * 16, lambda *_: b"sealed", b"bank-feed......."
    )
    world.happens(aliases.register_mirror(world.aliases, world.principal_queries, mirror, Actor(world.alice, None)))
    evidence = frozenset({"payments.evidence"})
    own = submission(world, submitter=b"bank-feed.......", submitter_scopes=evidence)
    assert authorisations.authorise(*world.of_authorisations, own, TOKEN, world.now_ns, NEVER)
    for wrong in (
        submission(world, submitter=b"another-bank....", submitter_scopes=evidence),
        submission(world, submitter=b"bank-feed.......", submitter_scopes=evidence, tenant=world.other),
    ):
        with pytest.raises(SubmissionRefused):
            authorisations.authorise(*world.of_authorisations, wrong, TOKEN, world.now_ns, NEVER)


def test_an_operator_submits_for_any_tenant_with_its_own_scope_alone(world: Any) -> None:
    """What lies in suspense is cleared by operators; reading or approving is no ground for an authorisation."""
    own = submission(world, submitter=world.alice, submitter_scopes=frozenset({"payments.admin"}), tenant=world.other)
    assert authorisations.authorise(*world.of_authorisations, own, TOKEN, world.now_ns, NEVER)
    for scopes in ({"payments.read", "payments.approve"}, {"payments.submit"}, {"payments.evidence"}):
        wrong = submission(world, submitter=world.alice, submitter_scopes=frozenset(scopes), tenant=world.other)
        with pytest.raises(SubmissionRefused):
            authorisations.authorise(*world.of_authorisations, wrong, TOKEN, world.now_ns, NEVER)
    claimed = submission(world, submitter_scopes=frozenset({"payments.admin"}))
    with pytest.raises(SubmissionRefused):
        authorisations.authorise(*world.of_authorisations, claimed, TOKEN, world.now_ns, NEVER)


def test_malformed_submission_is_named() -> None:
    """A digest that is no SHA-256 is refused before anything is decided."""
    with pytest.raises(InvalidArgument):
        Submission(TokenHolder(b"a" * 16, None, frozenset(), b"c" * 32, 0), b"a" * 16, b"s" * 16, b"short")
