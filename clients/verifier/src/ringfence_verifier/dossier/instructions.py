"""What a person reads who opens a dossier: what is in it, and how to check it without trusting who handed it over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from ringfence_verifier.dossier.manifest import Question
from ringfence_verifier.note import Checkpoint

_ENGLISH = """DOSSIER OF FACTS FROM {origin}

About: {about}
Under the checkpoint of {size} facts, root {root}.

CHECK IT FIRST
Get two things from somewhere else than this file: the log's public key (one line, {origin}+...), from whoever keeps it,
and a verifier: the Python distribution ringfence-verifier, or its page verify.html. Whoever forges a dossier brings a
key and a page along: the verify.html in this file is a convenience, good once its SHA-256 is the published one.

  On the command line:   ringfence verify dossier FILE --key KEY
  In a browser, offline: open verify.html from your disk, choose the dossier whole (do not unpack it), paste the key.

Both say which file was changed, left out, added or put elsewhere. Read the rest only when they have said that it holds.

WHAT IS IN IT
  facts/words.en.csv, facts/words.zh-Hans.csv, facts/words.json   the facts in words, for people
  facts/raw.csv, facts/raw.json   every field as the log has it: amounts in minor units, times in UTC nanoseconds
  answers/      what the log has answered: all facts there are, with the proof that there are no others
  receipts/     one per fact (C2SP tlog-proof), for handing on a single one; other people's software verifies it too
  texts.json    texts that facts commit to, as far as they were kept; they may be personal data, keep them so
  log/          the newest checkpoint with all signatures, proofs that it extends the older ones, the log's keys
  manifest.json every file with its SHA-256
  binding/      the receipt of the fact by which the log itself has this manifest: who has made the dossier, and when

WHAT IT PROVES
That the log has signed these facts, and that these are all that it claims to have about what was asked, as far as the
answers reach. A receipt of another such fact, signed by the same key, shows that the log has lied. Raw tables and
receipts are computed again from the proven facts; the files in words are as their maker has bound them, and the command
says whether it would write them so too. That what was told to the log was true nobody can prove by this.

Spreadsheets: cells that could be taken for formulas have an apostrophe before them. Import columns as text.
"""

_CHINESE = """来自 {origin} 的事实卷宗

对象：{about}
检查点：共 {size} 条事实，根哈希 {root}。

请先验证
请从本文件以外的渠道取得两样东西：日志公钥（一行，{origin}+...），由其保管者提供；以及验证工具：Python 发行包
ringfence-verifier，或其网页 verify.html。伪造卷宗的人会一并附上公钥和网页：本文件内的 verify.html 仅为方便而附，
其 SHA-256 与公布值一致时方可使用。

  命令行：          ringfence verify dossier 文件 --key 公钥
  浏览器（离线）：  从本地磁盘打开 verify.html，选择整个卷宗（不要解压），粘贴公钥。

两者都会指出哪个文件被更改、遗漏、添加或移位。验证通过之后，再阅读其余内容。

内容
  facts/words.en.csv、facts/words.zh-Hans.csv、facts/words.json   以文字表述的事实，供人阅读
  facts/raw.csv、facts/raw.json   日志中每个字段的原值：金额以最小货币单位计，时间以 UTC 纳秒计
  answers/      日志的答复：全部事实，并证明没有其他事实
  receipts/     每条事实一份回执（C2SP tlog-proof），可单独转交，第三方软件也能验证
  texts.json    与事实中的承诺值相符的文本（以仍保存者为限）；可能含个人信息，请按个人信息保管
  log/          最新检查点及全部签名、与较早检查点的一致性证明、日志公钥
  manifest.json 每个文件及其 SHA-256
  binding/      日志记录本清单的那条事实的回执：何人于何时制作本卷宗

证明了什么
日志签署了这些事实，并且声明：在答复所及范围内，所询问对象的全部事实就是这些。若另有同一密钥签署的、
属于该范围的其他事实的回执，即证明日志作假。原值表格和回执由已证明的事实重新计算；
以文字表述的文件以制作者所绑定者为准，命令会说明它自行写出的内容是否相同。
至于告知日志的内容是否真实，任何人都无法据此证明。

电子表格：可能被当作公式的单元格前加有撇号。请将各列按文本导入。
"""

_PART_ENGLISH = """NOT COMPLETE: whoever made this dossier may read some platforms only. The log has signed each fact in
it; that there are no other facts about what was asked NOBODY proves. What is said below of complete answers holds for
none of the subjects marked "as shown".

"""
_PART_CHINESE = """不完整：本卷宗的制作者仅可查阅部分平台。其中每条事实均由日志签署；
但没有任何证明表明所询问对象没有其他事实。下文关于完整答复的说明，不适用于标有“仅所示”的对象。

"""


def instructions(questions: Sequence[Question], checkpoint: Checkpoint) -> dict[str, bytes]:
    """Gives the instructions in both languages, by the names of their files."""
    parts = ("", "") if not any(each.is_shown for each in questions) else (_PART_ENGLISH, _PART_CHINESE)
    said = {"origin": checkpoint.origin, "size": checkpoint.size, "root": checkpoint.root.hex()}
    english = _ENGLISH.format(**said, about="; ".join(_about(each, " (as shown)") for each in questions))
    chinese = _CHINESE.format(**said, about="；".join(_about(each, "（仅所示）") for each in questions))
    return {
        "READ-ME.en.txt": (parts[0] + english).encode(),
        "READ-ME.zh-Hans.txt": (parts[1] + chinese).encode(),
    }


def _about(question: Question, as_shown: str) -> str:
    if question.about is not None:
        return f"{UUID(bytes=question.about)}{as_shown if question.is_shown else ''}"
    from_ns, until_ns = question.between_ns or (0, 0)
    return f"{_moment(from_ns)} – {_moment(until_ns)}"


def _moment(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns // 10**9, UTC):%Y-%m-%dT%H:%M:%SZ}"
