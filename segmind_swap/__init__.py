"""An asynchronous client of Segmind's paid AI Character Swap: many swaps at once, never paid twice.

Start with `SwapClient`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str
    from ._batch.checks.findings import CopyHint, InputCheck, PictureHint
    from ._batch.outcomes import Outcomes
    from ._batch.reconcile.report import HistoryVerdict, ReconciledSwap, Reconciliation
    from ._batch.versions.redo import RedoPlan
    from ._client import SwapClient
    from ._config import MEAN_SECONDS, PRICE_USD, PollPolicy, RateLimit, RequestTimeouts, RetryPolicy
    from ._errors import (
        AuthenticationError,
        BadRequestError,
        BudgetExceededError,
        ConfigurationError,
        ConnectionFailedError,
        DownloadError,
        IdConflictError,
        ImageError,
        InsufficientCreditsError,
        JournalError,
        JournalInUseError,
        LimitExceededError,
        NoResultsError,
        NotFoundError,
        OriginalNotDoneError,
        OutputError,
        PermissionDeniedError,
        RateLimitError,
        ResponseError,
        ServerError,
        ServiceStoppedError,
        StatusError,
        SubmissionUnknownError,
        SwapCancelledError,
        SwapError,
        SwapExpiredError,
        SwapFailedError,
        SwapTimeoutError,
        UnknownIdError,
    )
    from ._events import (
        Abandoned,
        Accepted,
        Completed,
        Event,
        EventHandler,
        Exchanged,
        Failed,
        OutageBegan,
        OutageEnded,
        Polled,
        RateChanged,
        RateLimited,
        RetryScheduled,
        Saved,
        Started,
        Submitting,
        Uploaded,
    )
    from ._journal.journal import Journal
    from ._journal.summary import JournalSummary
    from ._models import (
        Credits,
        ImageInput,
        LearnedRate,
        Rate,
        ReadableFile,
        RedoRequest,
        SavableImage,
        SwapJob,
        SwapOutput,
        SwapRequest,
        SwapResult,
        SwapState,
        SwapStatus,
    )
    from ._outcome import OutcomeState, SwapOutcome, SwapVersion
    from ._protocols.marks import Mark, Verdict
    from ._review.applying import AppliedDecisions
    from ._review.checks.copies import PictureCopy, find_copies
    from ._review.checks.flags import ResultFlag, ResultFlags, flag_results
    from ._review.checks.measurer import Measurer, can_measure
    from ._review.checks.measures import PictureMeasures, ResultMeasures
    from ._review.checks.thresholds import Thresholds
    from ._review.delivery.delivery import Delivery
    from ._review.pictures.picture import EarlierVersion, ReviewPicture
    from ._review.pictures.thumbnails import KnownThumbnails, make_thumbnail
    from ._reviewing import Review
    from ._service.update import SwapUpdate
    from ._serving import SwapService
    from ._swap.output_files import discarded_path

__all__ = [
    "MEAN_SECONDS",
    "PRICE_USD",
    "Abandoned",
    "Accepted",
    "AppliedDecisions",
    "AuthenticationError",
    "BadRequestError",
    "BudgetExceededError",
    "Completed",
    "ConfigurationError",
    "ConnectionFailedError",
    "CopyHint",
    "Credits",
    "Delivery",
    "DownloadError",
    "EarlierVersion",
    "Event",
    "EventHandler",
    "Exchanged",
    "Failed",
    "HistoryVerdict",
    "IdConflictError",
    "ImageError",
    "ImageInput",
    "InputCheck",
    "InsufficientCreditsError",
    "Journal",
    "JournalError",
    "JournalInUseError",
    "JournalSummary",
    "KnownThumbnails",
    "LearnedRate",
    "LimitExceededError",
    "Mark",
    "Measurer",
    "NoResultsError",
    "NotFoundError",
    "OriginalNotDoneError",
    "OutageBegan",
    "OutageEnded",
    "OutcomeState",
    "Outcomes",
    "OutputError",
    "PermissionDeniedError",
    "PictureCopy",
    "PictureHint",
    "PictureMeasures",
    "PollPolicy",
    "Polled",
    "Rate",
    "RateChanged",
    "RateLimit",
    "RateLimitError",
    "RateLimited",
    "ReadableFile",
    "ReconciledSwap",
    "Reconciliation",
    "RedoPlan",
    "RedoRequest",
    "RequestTimeouts",
    "ResponseError",
    "ResultFlag",
    "ResultFlags",
    "ResultMeasures",
    "RetryPolicy",
    "RetryScheduled",
    "Review",
    "ReviewPicture",
    "SavableImage",
    "Saved",
    "ServerError",
    "ServiceStoppedError",
    "Started",
    "StatusError",
    "SubmissionUnknownError",
    "Submitting",
    "SwapCancelledError",
    "SwapClient",
    "SwapError",
    "SwapExpiredError",
    "SwapFailedError",
    "SwapJob",
    "SwapOutcome",
    "SwapOutput",
    "SwapRequest",
    "SwapResult",
    "SwapService",
    "SwapState",
    "SwapStatus",
    "SwapTimeoutError",
    "SwapUpdate",
    "SwapVersion",
    "Thresholds",
    "UnknownIdError",
    "Uploaded",
    "Verdict",
    "can_measure",
    "discarded_path",
    "find_copies",
    "flag_results",
    "make_thumbnail",
]

# In the order in which these modules import each other, so that a name loads no module that it does not need.
_VALUE_MODULES = ("_errors", "_config", "_models", "_outcome", "_events")
_MODULE_OF = {
    "HistoryVerdict": "_batch.reconcile.report",
    "Journal": "_journal.journal",
    "JournalSummary": "_journal.summary",
    "CopyHint": "_batch.checks.findings",
    "InputCheck": "_batch.checks.findings",
    "PictureHint": "_batch.checks.findings",
    "KnownThumbnails": "_review.pictures.thumbnails",
    "Outcomes": "_batch.outcomes",
    "RedoPlan": "_batch.versions.redo",
    "ReconciledSwap": "_batch.reconcile.report",
    "Reconciliation": "_batch.reconcile.report",
    "SwapClient": "_client",
    "AppliedDecisions": "_review.applying",
    "Delivery": "_review.delivery.delivery",
    "EarlierVersion": "_review.pictures.picture",
    "Mark": "_protocols.marks",
    "Measurer": "_review.checks.measurer",
    "PictureCopy": "_review.checks.copies",
    "PictureMeasures": "_review.checks.measures",
    "ResultFlag": "_review.checks.flags",
    "ResultFlags": "_review.checks.flags",
    "ResultMeasures": "_review.checks.measures",
    "Review": "_reviewing",
    "ReviewPicture": "_review.pictures.picture",
    "SwapService": "_serving",
    "SwapUpdate": "_service.update",
    "Thresholds": "_review.checks.thresholds",
    "Verdict": "_protocols.marks",
    "can_measure": "_review.checks.measurer",
    "discarded_path": "_swap.output_files",
    "find_copies": "_review.checks.copies",
    "flag_results": "_review.checks.flags",
    "make_thumbnail": "_review.pictures.thumbnails",
}


def __getattr__(name: str) -> Any:
    """Imports an exported name at its first use: a program without a client does not load the client."""
    if name == "__version__":
        value = globals()[name] = import_module(f"{__name__}._config").package_version()
        return value
    if name in __all__:
        for module_name in (_MODULE_OF[name],) if name in _MODULE_OF else _VALUE_MODULES:
            module = import_module(f"{__name__}.{module_name}")
            if hasattr(module, name):
                value = globals()[name] = getattr(module, name)
                return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
