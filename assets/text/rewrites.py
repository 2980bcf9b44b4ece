"""What a language model makes of texts for their given labels: each text and label asked once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from assets.lineage.inputs import Rows
from resources.compute import Compute
from resources.lake import Lake
from resources.language_models import LanguageModels
from resources.store import rewrites as store
from sluice.core.digests import digest
from sluice.core.errors import SluiceError
from sluice.core.progress import track
from sluice.noise.endpoint import Endpoint
from sluice.noise.rewriting import LocalWriter, prompt_identity, request
from sluice.noise.unanswered import Attempter, Unanswered
from sluice.tasks.text.config import TextConfig
from sluice.tasks.text.label_noise import LabelNoise, Service

VERSION = "1"
SHARD_ROWS = 16


@dataclass(frozen=True)
class Writing:
    """Whatever writes: a digest of all that its answers depend on, and how it is made ready."""

    identity: str
    make: Callable[[], Attempter]


@dataclass(frozen=True)
class Rewritten:
    """What became of some rows.

    Attributes
    ----------
    said : list of str or Unanswered
        Of each row: its rewritten text, or why there is none.
    asked : int
        Conversations of this run; the others were stored.
    """

    said: list[str | Unanswered]
    asked: int


def writing_of(
    config: TextConfig, chosen: LabelNoise, models: LanguageModels, compute: Compute
) -> Writing:
    """Return what `label_noise` has texts rewritten by; nothing is loaded or asked yet."""
    if chosen.endpoint is not None:
        return _service(chosen.endpoint)
    model = models.of(config.language_model, compute)
    settings = config.language_model

    def load() -> Attempter:
        loaded = model.load()
        return LocalWriter(
            loaded.model,
            loaded.tokenizer,
            chosen.max_new_tokens,
            settings.max_length,
            settings.max_tokens,
        )

    return Writing(digest("local", VERSION, model.identity, str(chosen.max_new_tokens))[:20], load)


def _service(said: Service) -> Writing:
    endpoint = Endpoint(**said.model_dump())
    answers = (said.base_url, said.model, str(said.max_tokens), repr(said.temperature))
    return Writing(digest("endpoint", VERSION, *answers)[:20], lambda: endpoint)


def label_names(rows: Rows) -> list[str]:
    """Return the given label of each row in words."""
    return [rows.class_names[code] for code in rows.labels.tolist()]


def rewrite_missing(lake: Lake, writing: Writing, rows: Rows, kind: str) -> Rewritten:
    """Have the texts rewritten that are not stored yet, and commit shard by shard.

    A killed run loses at most the shard that it was at: what was appended stays. A row without an
    answer is not stored, so it is asked again whenever the stage computes.

    Raises
    ------
    SluiceError
        A whole shard met a service that is busy or away.
    """
    names, labels = rows.class_names, label_names(rows)
    writer = digest("writer", writing.identity, prompt_identity(names, kind))[:20]
    keys = store.rewrite_hashes(rows.text_hashes, labels, writer)
    known = store.read(lake, keys)
    first = {key: i for i, key in reversed(list(enumerate(keys))) if key not in known}
    todo = sorted(first.values())
    faults: dict[str, Unanswered] = {}
    writes = writing.make() if todo else None
    with track("rewriting", len(todo)) as advance:
        for begin in range(0, len(todo), SHARD_ROWS):
            assert writes is not None
            part = todo[begin : begin + SHARD_ROWS]
            asked = [request(rows.texts[i], labels[i], names, kind) for i in part]
            said = [_usable(answer) for answer in writes.attempt(asked)]
            done = {i: text for i, text in zip(part, said, strict=True) if isinstance(text, str)}
            faults |= {
                keys[i]: fault
                for i, fault in zip(part, said, strict=True)
                if isinstance(fault, Unanswered)
            }
            store.append(
                lake,
                [keys[i] for i in done],
                [rows.text_hashes[i] for i in done],
                [labels[i] for i in done],
                writer,
                list(done.values()),
            )
            _refuse_silence(said)
            known |= {keys[i]: text for i, text in done.items()}
            advance(len(part))
    return Rewritten([known[key] if key in known else faults[key] for key in keys], len(todo))


def _usable(answer: str | Unanswered) -> str | Unanswered:
    if isinstance(answer, Unanswered):
        return answer
    text = answer.strip()
    try:
        text.encode()
    except UnicodeEncodeError:
        return Unanswered("The model answered with what is no text: it holds half a character.")
    if "\0" in text:
        return Unanswered("The model answered with what is no text: it holds a NUL character.")
    return text or Unanswered("The model answered with nothing.")


def _refuse_silence(said: Sequence[str | Unanswered]) -> None:
    """Stop where a service is away, rather than wait for it as many times as there are rows."""
    passing = [one for one in said if isinstance(one, Unanswered) and one.passing]
    if len(passing) == SHARD_ROWS:
        raise SluiceError(
            f"None of {SHARD_ROWS} texts in a row was answered. The last one: "
            f"{passing[-1].reason} What was answered before is kept, and the next run goes on."
        )
