"""Ids. Those of ledgers and requests are made from their keys, so that a primary-key clash is a guard of its own."""

from typing import NewType
from uuid import UUID, uuid5

NAMESPACE = UUID("2f5a1c60-7d0b-5f0e-9a53-c0de0fcf1a7e")

UserId = NewType("UserId", UUID)
AccountId = NewType("AccountId", UUID)
CurrencyId = NewType("CurrencyId", UUID)
InvoiceId = NewType("InvoiceId", UUID)
ContractId = NewType("ContractId", UUID)
ProfileId = NewType("ProfileId", UUID)
ContactId = NewType("ContactId", UUID)
LedgerId = NewType("LedgerId", UUID)
RequestId = NewType("RequestId", UUID)
TransactionId = NewType("TransactionId", UUID)
PaymentId = NewType("PaymentId", UUID)
PaymentTypeId = NewType("PaymentTypeId", UUID)
DisbursementId = NewType("DisbursementId", UUID)
EntryId = NewType("EntryId", UUID)
"""Of an account transaction: a debit or a credit."""


def ledger_key(account: AccountId, currency: str) -> str:
    return f"{account}_{currency.upper()}"


def ledger_id(key: str) -> LedgerId:
    return LedgerId(uuid5(NAMESPACE, f"ledger:{key}"))


def request_id(key: str) -> RequestId:
    return RequestId(uuid5(NAMESPACE, f"request:{key.lower()}"))


def transaction_id(request: RequestId) -> TransactionId:
    """A request has one gateway attempt, so a repeated request makes the same row and the same intent."""
    return TransactionId(uuid5(NAMESPACE, f"transaction:{request}"))


def payment_id(transaction: TransactionId) -> PaymentId:
    """A gateway attempt becomes at most one payment."""
    return PaymentId(uuid5(NAMESPACE, f"payment:{transaction}"))


def returned_id(transaction: TransactionId) -> PaymentId:
    """A refund that succeeded comes back at most once."""
    return PaymentId(uuid5(NAMESPACE, f"returned:{transaction}"))


def disbursement_id(payment: PaymentId, invoice: InvoiceId, number: int) -> DisbursementId:
    return DisbursementId(uuid5(NAMESPACE, f"disbursement:{payment}:{invoice}:{number}"))


def mirror_id(invoice: InvoiceId) -> InvoiceId:
    """A voided invoice has one mirror."""
    return InvoiceId(uuid5(NAMESPACE, f"void:{invoice}"))


def profile_id(request: RequestId) -> ProfileId:
    """A request asks a customer for one profile."""
    return ProfileId(uuid5(NAMESPACE, f"profile:{request}"))


def email_id(request: RequestId) -> UUID:
    """A request sends one e-mail: a repeated one finds it sent."""
    return uuid5(NAMESPACE, f"email:{request}")


def made_id(seed: UUID, number: int) -> UUID:
    """The `number`-th row that a request (or a transaction, or a run's line) makes: a repeated one makes the same rows."""
    return uuid5(NAMESPACE, f"made:{seed}:{number}")
