"""What can be drilled, in the order in which it is."""

from __future__ import annotations

from collections.abc import Mapping

from aver.core.errors import InvalidInput
from aver.core.yaml import nearest
from aver.ops.drills.types import Inject, Scenario

__all__ = ["SCENARIOS", "scenario", "tabletop"]

_ALL = (
    Scenario(
        "provider-outage",
        "A provider is out",
        "The first provider of the route answers every request with an error.",
        "Routes go on with the others at once; the provider is shut out until somebody lets it back.",
        ("health:provider", "anomaly:model_failures", "anomaly:failures"),
        injects=(
            Inject(0, "The status page of your model provider is green. Calls to it fail."),
            Inject(5, "Answers come from the second provider. Finance asks what a token costs there."),
            Inject(20, "The provider says that it is fixed. One call in five still fails."),
        ),
        questions=(
            "Who decides that the provider is let back, and on which figures?",
            "What would users have seen without a second provider?",
            "Is the second provider allowed for all data that the first one is?",
        ),
    ),
    Scenario(
        "slow-provider",
        "A provider is slow",
        "The first provider of the route takes ten times as long as usual.",
        "The model is shut out, and the route goes on with the next.",
        ("anomaly:latency", "burn:quick"),
        injects=(
            Inject(0, "Support hears that the assistant hangs. No error is logged."),
            Inject(10, "Requests queue. Another feature that shares the provider slows down too."),
        ),
        questions=("From which latency on do your users leave?", "Which features may be stopped to spare others?"),
    ),
    Scenario(
        "token-spend",
        "Answers take three times the tokens",
        "Every answer of the first model reads and writes three times as many tokens.",
        "The model is shut out, so that spending falls back to what is usual.",
        ("anomaly:tokens", "anomaly:cost", "anomaly:spending", "burn:frugal"),
        injects=(
            Inject(0, "The bill of the last hour is three times that of the hour before. Traffic is as usual."),
            Inject(10, "A prompt was changed this morning. Somebody remembers that the model has a new version, too."),
        ),
        questions=("Who may stop a feature for its cost?", "Which budget would have held this, and at what sum?"),
        takes_copy="what nobody spent would be on record for good, and count against budgets",
    ),
    Scenario(
        "wrong-tool",
        "An agent wants to do the wrong thing",
        "The model of an agent asks, in every task, for a message to somebody whom nobody named.",
        "Policy denies each call; the tool is switched off once that is more than usual.",
        ("anomaly:denials", "anomaly:tool_failures"),
        injects=(
            Inject(0, "An agent tries to write to an address that stands in a customer's letter."),
            Inject(10, "A customer says that they were written to. Was it this?"),
        ),
        questions=("Which effects can be taken back, by whom?", "How do you find everybody who was written to?"),
        takes_copy="what the policy in force allows would really be done to somebody",
    ),
    Scenario(
        "injection-campaign",
        "Somebody tries to take the assistant over",
        "Half of all questions order the model to give away what it was told.",
        "The check that only told of it blocks from then on; everybody else is answered.",
        ("anomaly:guardrails", "burn:safe"),
        injects=(
            Inject(0, "A forum has a post on how to make your assistant talk."),
            Inject(10, "Half of the questions come from three API keys."),
        ),
        questions=(
            "When do you revoke a key, and who tells its owner?",
            "What is in the instructions that may be known?",
        ),
    ),
    Scenario(
        "personal-data",
        "Personal data gets into what may be read",
        "A list of bank accounts is put where everybody's documents are, and people ask for it.",
        "What is found is cut out of each answer; the check blocks from then on.",
        ("anomaly:guardrails", "burn:safe"),
        injects=(
            Inject(0, "A colleague sees [IBAN] in an answer and asks what that is."),
            Inject(15, "The list was in a public folder for two days."),
        ),
        questions=(
            "Within which time must the authority be told, and by whom?",
            "How do you find who was shown what?",
        ),
    ),
    Scenario(
        "index-corruption",
        "The index is damaged",
        "Files of the index are overwritten with noise.",
        "An index is made anew beside it from the stored texts, and switched to.",
        ("health:index",),
        injects=(
            Inject(0, "Searches fail on one machine. Its disk logs errors."),
            Inject(10, "The new index is there. Are the answers of the last hour right?"),
        ),
        questions=("How long does it take to make your index anew?", "What is checked before it is believed?"),
    ),
    Scenario(
        "stale-source",
        "A source cannot be read",
        "The folder of a source is taken away, so that every run fails.",
        "Answers that rest on it say that it may have changed since.",
        ("health:source", "burn:fresh"),
        injects=(
            Inject(0, "The wiki was moved last night. Answers still come from how it was."),
            Inject(30, "A policy was changed in the new wiki. Somebody acted on the old one."),
        ),
        questions=("How old may each source be?", "Who is told when one is moved?"),
    ),
    Scenario(
        "database-loss",
        "The database is gone",
        "The file of a tenant's database is removed while it is in use.",
        "Nothing more is written where nobody finds it; the file is put back from what is open.",
        ("health:store", "health:records"),
        injects=(
            Inject(0, "A script that cleans up has removed files of the data directory."),
            Inject(5, "The process still runs. Somebody wants to restart it."),
            Inject(10, "It was restarted. What was answered since the last backup?"),
        ),
        questions=("Why must nobody restart it first?", "When was a backup last restored, and how long did it take?"),
    ),
    Scenario(
        "clock-skew",
        "The clock is off",
        "The clock of the process is put back by an hour.",
        "The jump is not followed: records, ends of keys and budgets go on as time passes.",
        ("health:clock",),
        injects=(
            Inject(0, "One replica's clock is an hour behind. Its sign-ins fail, or last too long."),
            Inject(10, "The records of an hour are in doubt. An auditor asks for them."),
        ),
        questions=("What keeps the clocks of your machines?", "Which of your records need to be right to the second?"),
        takes_copy="a clock is the whole machine's, and what was signed or ended meanwhile cannot be taken back",
    ),
    Scenario(
        "disk-full",
        "The disk is full",
        "The disk of the data is filled to the last byte.",
        "A reserve is given up for the records; nothing else is taken in until there is room.",
        ("health:disk", "health:records"),
        injects=(
            Inject(0, "Logs have filled the disk over night."),
            Inject(5, "Turns are answered again. For how long?"),
        ),
        questions=("What may be removed at once, and who knows?", "How much does a day of evidence take?"),
    ),
)
SCENARIOS: Mapping[str, Scenario] = {each.name: each for each in _ALL}


def scenario(name: str) -> Scenario:
    """One by its name. Raises :class:`~aver.core.errors.InvalidInput`, with the nearest name, where there is none."""
    if name not in SCENARIOS:
        raise InvalidInput(f"There is no drill {name[:60]!r}", nearest(name, SCENARIOS))
    return SCENARIOS[name]


def tabletop(of: Scenario) -> str:
    """A scenario for people, as Markdown: roles, what is told at which minute, and what to talk about."""
    lines = [f"# {of.title}", "", of.fault, "", "## Roles", "", *(f"- {role}:" for role in of.roles)]
    lines += ["", "## By the minute", "", *(f"- **+{each.minute} min** {each.text}" for each in of.injects)]
    lines += ["", "## Talk about", "", *(f"- {each}" for each in of.questions)]
    lines += [
        "- Who noticed, how, and how soon? Which alert would tell of it: "
        + ", ".join(f"`{each}`" for each in of.rules)
        + "?"
    ]
    lines += ["", "## What Aver does of itself", "", of.expected, "", f"Try it: `aver drill run {of.name}`.", ""]
    return "\n".join(lines)
