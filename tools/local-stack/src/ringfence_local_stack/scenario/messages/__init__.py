"""ISO 20022 messages that a bank or a platform might send, built from their parts and valid by their schemas."""

from xml.etree.ElementTree import Element

from ringfence_local_stack.scenario.messages.notification import batch, entry, notification, share
from ringfence_local_stack.scenario.messages.orders import order, order_file
from ringfence_local_stack.scenario.messages.reading import SentPayment, sent_payments
from ringfence_local_stack.scenario.messages.report import payment_return, report_row, return_row, status_report
from ringfence_local_stack.scenario.messages.xml import element

__all__ = [
    "Element",
    "SentPayment",
    "batch",
    "element",
    "entry",
    "notification",
    "order",
    "order_file",
    "payment_return",
    "report_row",
    "return_row",
    "sent_payments",
    "share",
    "status_report",
]
