"""What people may do alone, and why: whatever makes no money, no authority and no way out for client money."""

READS = ("Get", "List", "Watch", "Read", "Search", "Head", "VerifySources")
"""How the names of methods begin that change nothing."""

ALONE = {
    "IssueToken": "gives its holder what two people have granted",
    "Enrol": "the holder's own key asks over the pinned certificate, for the holder",
    "RotateKey": "the holder's own key asks; both keys are one person's",
    "SuspendPrincipals": "takes away; what lifts it takes two",
    "RevokeAuthorisation": "takes away, from one submission; nothing gives it back",
    "RegisterParties": "a client who is not verified can do nothing",
    "RecordOwners": "names whom the lists are looked through for",
    "CreateAccounts": "an account of nothing, whose class says who may pay it",
    "CreateTransfers": "an authorisation, or a window that two people have opened",
    "StepBusinessDay": "a sandbox's alone; everywhere else refused",
    "SetFreeze": "takes away; what lifts it takes two",
    "SubmitInstructions": "within limits; above them another person approves",
    "SubmitFile": "within limits; above them another person approves",
    "SubmitEvidence": "a feed that two people have made, of its own accounts",
    "SubmitStatement": "a feed that two people have made, of its own accounts",
    "CancelInstructions": "the money stays where it is",
    "DecideInstructions": "is the second person, unlike the maker",
    "AgreeFee": "a fee is debited within limits, to the platform's account in the book",
    "EndFeeAgreement": "takes away",
    "ChargeFees": "within limits, and what was agreed",
    "PayOutOwnMoney": "the platform's own money, within limits",
    "FundShortfall": "the platform's own money, for what it owes its clients",
    "FundGuarantee": "the platform's own money, which then stands for its clients'",
    "AllocateSuspense": "waits for another operator",
    "ReturnSuspense": "waits for another operator",
    "DecideSuggestion": "no money moves, and it can be taken apart",
    "MatchLines": "no money moves, and it can be taken apart",
    "UndoMatch": "no money moves; the lines are a break again",
    "AssignBreak": "says who is to settle it",
    "FundBreak": "names a transfer that others have made",
    "CloseBreak": "of what a match, money or a statement has settled",
    "ReopenBreak": "what was settled is looked at again",
    "DecideProposals": "is the second person",
}
"""Method -> why one person is enough."""
