"""The dangerous forms of commands, each a pattern and the words without which it cannot match."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["KINDS", "RULES", "Rule"]


class Rule(NamedTuple):
    kind: str
    score: float
    words: tuple[str, ...]
    """In lower case and with one space for any white space; a text with none of them is not searched."""
    pattern: re.Pattern[str]


def _rule(kind: str, score: float, words: str, *patterns: str) -> Rule:
    """``words`` apart by white space; ``·`` is a space within one."""
    pattern = re.compile("|".join(f"(?:{each})" for each in patterns), re.IGNORECASE | re.MULTILINE)
    return Rule(kind, score, tuple(word.replace("·", " ") for word in words.split()), pattern)


_WHOLE = (
    r"[\"']?(?:/(?:etc|usr|var|home|boot|lib|bin|opt|root|srv|dev|mnt)?/?\*?|~/?\*?|\$\{?HOME\}?/?\*?|\*|\.\.?/?\*?|[a-z]:\\\S{0,40})"
    r"[\"']?(?=[\s;&|`)]|$)"
)
"""What nobody removes on purpose: a root, a home, everything here."""
_FETCH = r"(?:curl|wget|iwr|invoke-webrequest)\b[^\n|;]{0,300}"
_RUN = r"(?:sudo\s+)?(?:/bin/)?(?:ba|z|da|k)?sh\b|(?:sudo\s+)?(?:python[23]?|perl|ruby|node|php)\b(?!\s+-m\s)|iex\b"
_KEYS = r"(?:/etc/(?:passwd|shadow)|\.ssh/|id_(?:rsa|ed25519)|\.aws/credentials|/\.env\b|/proc/self/environ|\.kube/config|private[_/]?key)"
_TABLE = r"(?:if\s+exists\s+)?[\w.\"`\[\]]{1,80}"
_STATEMENT = r"(?:^|[;\"'`(]|\b(?:sql|query)[\"']?\s{0,9}[:=]\s{0,9}[\"']?)\s{0,40}"
_STATEMENT_END = r"\s{0,40}(?:[;\"'`)]|--|$)"

RULES = (
    _rule(
        "shell_destructive",
        0.95,
        "rm·- --no-preserve-root /dev/ chmod chown find·/ find·~",
        rf"\brm\s+(?:-[\w-]{{1,20}}\s+){{0,4}}-(?:\w{{0,6}}r\w{{0,6}}|-recursive)\s+(?:-[\w-]{{1,20}}\s+){{0,4}}{_WHOLE}",
        r"\brm\s+[^\n;|]{0,80}--no-preserve-root",
        r"\bmkfs(?:\.\w+)?\s+[^\n]{0,40}/dev/|\bdd\s[^\n]{0,80}\bof=/dev/(?:sd|nvme|hd|disk|mmc)|>\s{0,3}/dev/(?:sd|nvme|hd)[a-z0-9]",
        r"\bchmod\s+(?:-\w+\s+){0,3}-R\s+(?:-\w+\s+){0,3}0?777\s+/(?:\s|$)|\bchown\s+-R\s+\S+\s+/(?:\s|$)",
        r"\b(?:shred|wipefs)\s[^\n]{0,60}/dev/|\bfind\s+[/~]\s[^\n]{0,120}(?:-delete\b|-exec\s+rm\b)",
    ),
    _rule("shell_destructive", 0.95, ":|:", r":\s?\(\s?\)\s?\{\s?:\s?\|\s?:\s?&\s?\}\s?;\s?:"),
    _rule(
        "shell_destructive",
        0.9,
        "del·/ format· vssadmin remove-item --mirror kubectl·delete history·-c iptables setenforce",
        r"\bdel\s+/[fsq][^\n]{0,40}\s[a-z]:\\|\bformat\s+[a-z]:\s*(?:/|$)|\bvssadmin\s+delete\s+shadows",
        r"\bRemove-Item\b[^\n]{0,80}-Recurse[^\n]{0,40}\s[a-z]:\\(?:\s|$)",
        r"\bgit\s+push\s[^\n]{0,60}--mirror\s[^\n]{0,60}--force|\bkubectl\s+delete\s+(?:all|ns|namespaces?|pods?)\s+--all\b",
        r"\bhistory\s+-c\b\s*(?:&&|;)|\biptables\s+(?:-F|--flush)\b|\bsetenforce\s+0\b",
    ),
    _rule(
        "shell_fetched",
        0.85,
        "curl wget iwr invoke-webrequest base64 powershell iex",
        rf"\b{_FETCH}\|\s*(?:base64\s+(?:-d|--decode)\s*\|\s*)?(?:{_RUN})",
        rf"\b(?:ba)?sh\s+(?:-c\s+[\"']?)?[<$]\(\s*{_FETCH}",
        r"\bbase64\s+(?:-d|--decode)\b[^\n|]{0,60}\|\s*(?:sudo\s+)?(?:ba|z)?sh\b",
        r"\bpowershell\b[^\n]{0,80}\s-e(?:nc|ncodedcommand)?\s+[A-Za-z0-9+/=]{20,}",
        r"\biex\s*\(\s*(?:new-object\s+net\.webclient|iwr|invoke-webrequest)",
    ),
    _rule(
        "reverse_shell",
        0.95,
        "/dev/tcp/ /dev/udp/ nc· nc. nc\" nc' nc- nc) nc} nc` ncat netcat mkfifo socat dup2 pty.spawn",
        r"/dev/(?:tcp|udp)/[\w.$-]{1,80}/\d|\b(?:nc|ncat|netcat)\b[^\n]{0,80}\s-\w{0,6}e\w{0,6}\s+(?:/bin/)?\w{0,4}sh\b",
        r"\bmkfifo\b[^\n]{0,120}\|\s*(?:nc|ncat)\b|\bsocat\b[^\n]{0,120}\bexec:",
        r"\bos\.dup2\s*\(\s*s(?:ock|ocket)?\.fileno\s*\(|\bpty\.spawn\s*\(\s*[\"'](?:/bin/)?\w{0,4}sh",
    ),
    _rule(
        "secret_access",
        0.8,
        "/etc/ .ssh id_rsa id_ed25519 .aws .env environ .kube private authorized_keys",
        rf"\b(?:cat|less|head|tail|cp|scp|tar|base64|xxd|strings)\s+[^\n|;]{{0,80}}{_KEYS}[^\n;|>]{{0,60}}(?:\||>|&&|;|@|https?:)",
        rf"\bcurl\b[^\n]{{0,200}}(?:-d|-F|-T|--data\S{{0,12}}|--upload-file|--form)\s*\S{{0,40}}{_KEYS}",
        r"\b(?:echo|cat)\b[^\n]{0,400}>>\s*\S{0,40}(?:authorized_keys|/etc/(?:passwd|sudoers|crontab|hosts))",
        rf"\bopen\s*\(\s*[rbf]{{0,2}}[\"'][^\"'\n]{{0,80}}{_KEYS}",
    ),
    _rule(
        "python_unsafe",
        0.8,
        "eval exec loads yaml __import__ os.system os.popen shell rmtree __subclasses__ __globals__ __builtins__ __mro__",
        r"(?<![\w.])(?:eval|exec)\s*\(\s*(?:input\s*\(|request\.|sys\.argv|os\.environ|base64\.|bytes\.fromhex|requests\.|urllib|urlopen"
        r"|codecs\.decode|zlib\.|compile\s*\(|marshal\.|open\s*\(|__import__)",
        r"\b(?:c?pickle|dill|cloudpickle|marshal)\.loads?\s*\(\s*(?:requests?\b|urlopen|base64|sock|conn|input)",
        r"\byaml\.(?:unsafe_load|load\s*\([^)\n]{0,120}Loader\s*=\s*(?:yaml\.)?(?:Unsafe)?Loader\b)",
        r"__import__\s*\(\s*[\"'](?:os|subprocess|socket|ctypes)[\"']\s*\)\s*\.\s*\w+\s*\(",
        r"\bos\.(?:system|popen)\s*\(\s*(?:f[\"'][^\"'\n]{0,200}\{|[^\"'\n)]{0,60}(?:input\s*\(|request\.|sys\.argv|\+\s*\w)"
        r"|[\"'][^\"'\n]{0,200}[\"']\s*(?:\+|%))",
        r"\bsubprocess\.\w+\s*\((?:f[\"'][^\n]{0,200}\{|[^\n]{0,200}\+\s*\w)[^\n]{0,200}shell\s*=\s*True",
        r"\bshutil\.rmtree\s*\(\s*(?:[\"'](?:/|~|[A-Z]:)[^\"'/\\\n]{0,12}[\"']|os\.path\.expanduser|Path\.home\s*\()",
        r"__(?:subclasses|globals|builtins|mro)__\s*(?:\(\s*\)|\[)\s*[.\[]",
    ),
    _rule(
        "sql_destructive",
        0.85,
        "drop truncate delete update grant alter",
        rf"{_STATEMENT}(?:drop\s+(?:table|database|schema|view|user|role)\s+{_TABLE}|truncate\s+(?:table\s+)?{_TABLE})"
        rf"\s*(?:cascade\b)?{_STATEMENT_END}",
        rf"{_STATEMENT}delete\s+from\s+{_TABLE}{_STATEMENT_END}",
        rf"{_STATEMENT}delete\s+from\s+{_TABLE}\s+where\s+(?:1\s*=\s*1|true|'1'\s*=\s*'1')",
        rf"{_STATEMENT}update\s+{_TABLE}\s+set\s+(?:(?!\bwhere\b)[^;\"`\n]){{1,300}}(?:;|$)(?!\s*where\b)",
        r"\bgrant\s+all\s+(?:privileges\s+)?on\s+\*\.\*\s+to\b|\balter\s+(?:user|role|login)\s+\S{1,60}\s+(?:with\s+)?(?:password|superuser|identified)",
    ),
    _rule(
        "sql_injection",
        0.9,
        "'or '·or \"or \"·or )or )·or 'and '·and \"and \"·and )and )·and '|| '·|| \"|| \"·|| )|| )·||",
        r"['\")]\s{0,9}(?:or|and|\|\|)\s+(?:(['\"]?)\w{1,20}\1\s{0,9}=\s{0,9}['\"]?\w{1,20}|true|not\s+false|\d+\s{0,9}[<>]\s{0,9}\d+)\s{0,99}(?:--|#|/\*|;|['\"]|\)|$)",
    ),
    _rule(
        "sql_injection",
        0.9,
        "union xp_cmdshell into·outfile into·dumpfile load_file from·program to·program sleep( sleep·( benchmark( benchmark·( waitfor·delay "
        "'-- '# '·-- '·# ;drop ;·drop ;delete ;·delete ;insert ;·insert ;update ;·update ;alter ;·alter ;exec ;·exec ;shutdown ;·shutdown "
        ";truncate ;·truncate",
        r"['\");\d]\s{0,9}union\s+(?:all\s+)?select\b|\bunion\s+(?:all\s+)?select\s+(?:null|\d+|@@version|[^;\n]{0,80}\bfrom\s+information_schema)",
        r"['\")]\s{0,9};\s{0,9}(?:drop|delete|insert|update|alter|exec|shutdown|truncate)\b[^\n]{0,200}(?:--|#|/\*|;\s*$)",
        r"\bxp_cmdshell\b|\binto\s+(?:outfile|dumpfile)\s+['\"]|\bload_file\s*\(\s*['\"]|\bcopy\s+\S{1,80}\s+(?:from|to)\s+program\b",
        r"['\")\d]\s{0,9}(?:;|and|or|\|\|)\s{0,9}(?:if\s*\([^)\n]{1,80},\s*)?(?:sleep|pg_sleep|benchmark)\s*\(\s*\d|\bwaitfor\s+delay\s+'",
        r"^[\w.@-]{1,40}'\s{0,9}(?:--|#)\s*$",
    ),
)
KINDS = frozenset(rule.kind for rule in RULES)
