"""The ledger as the memory system needs it: operations, what they do, and the durable log that keeps them.

`ledger` is the port. What is written: `operations`, the `events` they consist of, the `writes` that carry them,
`aliases` and `feedback`. What is read: `pages`, `history`, `traces`, `audits` and `conversations`.
"""

from __future__ import annotations

from engine.ledger_port.aliases import Alias
from engine.ledger_port.audits import LedgerAudit, LedgerAuditRow
from engine.ledger_port.conversations import ConversationRows, Lacking, Stretch
from engine.ledger_port.events import (
    AddEvent,
    DeleteEvent,
    DeleteScopeEvent,
    Plan,
    PlannedEvent,
    PurgeEvent,
    Source,
    Unchanged,
    UpdateEvent,
)
from engine.ledger_port.feedback import Feedback, FeedbackPage, Rating
from engine.ledger_port.history import Event, PastRows
from engine.ledger_port.ledger import Known, Ledger
from engine.ledger_port.operations import Deferred, Operation, OperationKind, OperationsPage
from engine.ledger_port.pages import Keys, Page, ScopeCount
from engine.ledger_port.traces import Step, Trace
from engine.ledger_port.writes import (
    Accept,
    AcceptAndCommit,
    Command,
    Commit,
    Fail,
    Forget,
    Ownership,
    Retry,
    WriteAnswer,
    Written,
)

__all__ = [
    "Accept",
    "AcceptAndCommit",
    "AddEvent",
    "Alias",
    "Command",
    "Commit",
    "ConversationRows",
    "Deferred",
    "DeleteEvent",
    "DeleteScopeEvent",
    "Event",
    "Fail",
    "Feedback",
    "FeedbackPage",
    "Forget",
    "Keys",
    "Known",
    "Lacking",
    "Ledger",
    "LedgerAudit",
    "LedgerAuditRow",
    "Operation",
    "OperationKind",
    "OperationsPage",
    "Ownership",
    "Page",
    "PastRows",
    "Plan",
    "PlannedEvent",
    "PurgeEvent",
    "Rating",
    "Retry",
    "ScopeCount",
    "Source",
    "Step",
    "Stretch",
    "Trace",
    "Unchanged",
    "UpdateEvent",
    "WriteAnswer",
    "Written",
]
