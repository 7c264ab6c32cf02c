"""Brief: a few keys of a folder's JSON files, for a list of many.

What is not known is passed over, and what is wrong becomes words instead of an error: a list must hold runs
of older and newer versions too, and files that are damaged, half written or something else.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from analysis.verdict import FORMAT, LoadAnswer, SloOutcome
from recording.folder import FORMAT as FOLDER_FORMAT
from recording.past import PastFolder

Count = Annotated[int, Field(ge=0, le=10**15)]
Share = Annotated[float, Field(ge=0, le=1)]
DurationMs = Annotated[float, Field(ge=0, le=1e12)]


class Brief(BaseModel):
    """Some keys of a JSON object. Others may be there; no figure is NaN or without bound."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class BriefFile(Brief):
    """Some keys of a file that tells its format."""

    newest: ClassVar[int] = 1
    format: int = 1


class Rate(Brief):
    """A share with its 95 % interval."""

    value: Share | None = None
    low: Share | None = None
    high: Share | None = None


class Load(Brief):
    """What load does to the error rate."""

    answer: LoadAnswer


class Latency(Brief):
    """P99 in milliseconds."""

    p99: DurationMs | None = None


class Latencies(Brief):
    """Latency of all requests, time-outs at their limit."""

    all: Latency


class SloMark(Brief):
    """A target of the run and whether it was met; `text` says on what evidence."""

    target: str
    outcome: SloOutcome
    text: str = ""


class Trust(Brief):
    """Whether the run is to be trusted, and whole."""

    valid: bool
    complete: bool


class BriefVerdict(BriefFile):
    """A verdict.json; see `analysis.verdict.Verdict`."""

    newest: ClassVar[int] = FORMAT
    scenario: str | None = None
    target: str | None = None
    started_utc: str | None = None
    sentence: str
    requests: Count
    errors: Count
    error_rate: Rate
    load_effect: Load
    latency_ms: Latencies
    slo: tuple[SloMark, ...] = ()
    quality: Trust


class Named(Brief):
    """A scenario or a target by its name."""

    name: str | None = None


class BriefManifest(BriefFile):
    """A manifest.json."""

    newest: ClassVar[int] = FOLDER_FORMAT
    scenario: Named = Named()
    target: Named = Named()
    start_utc: str | None = None
    end_utc: str | None = None


class BriefAnswer(BriefFile):
    """What an experiment or an investigation found, in one sentence."""

    sentence: str


Kind = TypeVar("Kind", bound=BriefFile)


def brief(folder: PastFolder, path: str, kind: type[Kind]) -> tuple[Kind | None, str]:
    """A file of a folder, or None and why; without a reason where the file is simply not there."""
    name = path.rsplit("/", 1)[-1]
    if path in folder.unread:
        return None, f"{name} cannot be read ({folder.unread[path]})"
    if path not in folder.files:
        return None, ""
    try:
        found = kind.model_validate_json(folder.files[path])
    except ValidationError as error:
        return None, f"{name} cannot be read ({_first(error)})"
    if found.format > kind.newest:
        too_new = f"has format {found.format}, this version reads up to {kind.newest}; upgrade loadverdict"
        return None, f"{name} {too_new}"
    return found, ""


def _first(error: ValidationError) -> str:
    """The first mistake: where, and what. Never the value: it may be anything."""
    mistake = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(key) for key in mistake["loc"])
    return f"{where}: {mistake['msg']}" if where else str(mistake["msg"])
