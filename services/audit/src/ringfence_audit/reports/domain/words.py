"""Headings and words of reports in the languages that they are written in: English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class Language(Enum):
    """A language that reports are written in (BCP 47)."""

    ENGLISH = "en"
    CHINESE = "zh"


_WORDS: Mapping[str, tuple[str, str]] = {
    # titles
    "D1": ("Daily custody report", "每日存管报告"),
    "D2": ("Client-money reconciliation", "客户资金对账报告"),
    "D3": ("Monthly safeguarding report", "月度资金保障报告"),
    "platform": ("Platform", "平台"),
    "period": ("Period", "期间"),
    "log": ("Log", "日志"),
    "log_size": ("Leaves in the log", "日志条目数"),
    "log_root": ("Root of the log", "日志根哈希"),
    "leaves": ("Leaves", "日志条目"),
    # tables
    "mirrors": ("By bank account", "按银行账户"),
    "sums": ("By currency", "按币种"),
    "computation": ("Computation", "计算"),
    "comparisons": ("Comparisons", "核对"),
    "work": ("Preparation and review", "编制与复核"),
    "actions": ("Events", "事项"),
    "summary": ("Summary", "汇总"),
    "days": ("Business days", "营业日"),
    # columns
    "currency": ("Currency", "币种"),
    "pool": ("Pool", "资金池"),
    "mirror": ("Account", "账户"),
    "number": ("No.", "序号"),
    "opening": ("Opening", "期初余额"),
    "credits": ("Money in", "收入"),
    "debits": ("Money out", "支出"),
    "closing": ("Closing", "期末余额"),
    "bank_balance": ("Bank's balance", "银行余额"),
    "later_entries": ("Booked later", "后续入账"),
    "unbooked": ("Not yet booked", "银行未入账"),
    "difference": ("Difference", "差额"),
    "clients": ("Clients' balances", "客户余额"),
    "holds": ("Set aside", "冻结金额"),
    "unidentified": ("Unidentified receipts", "不明收款"),
    "own_funds": ("Platform's own money", "平台自有资金"),
    "owed": ("Owed for a shortfall", "应补短缺"),
    "open_breaks": ("Open breaks", "未结差异"),
    "cut_off": ("Cut-off (UTC)", "截止时间(UTC)"),
    "method": ("Method", "方法"),
    "version": ("Version", "版本"),
    "requirement": ("Requirement", "保障要求"),
    "funds": ("Funds in accounts", "账户资金"),
    "unplaced": ("Segregated, not yet placed", "已隔离未存入"),
    "assets": ("Relevant assets", "相关资产"),
    "insurance": ("Insurance or guarantee", "保险或担保"),
    "resource": ("Resource", "保障资源"),
    "document": ("SHA-256 of the figures", "数据SHA-256"),
    "type": ("Comparison", "核对类型"),
    "result": ("Result", "结果"),
    "finding": ("Verdict", "结论"),
    "status": ("Status", "状态"),
    "preparer": ("Prepared by", "编制人"),
    "prepared": ("Prepared", "已编制"),
    "reviewer": ("Reviewed by", "复核人"),
    "reviewed": ("Reviewed", "已复核"),
    "signed": ("Signed", "已签署"),
    "action": ("Event", "事项"),
    "time": ("Time (UTC)", "时间(UTC)"),
    "by": ("By", "经办人"),
    "text": ("Text", "内容"),
    "business_days": ("Business days", "营业日数"),
    "performed": ("Performed", "已完成"),
    "missed": ("Missed", "逾期"),
    "discrepancies": ("Discrepancies", "差异数"),
    "notifications": ("Notifications", "通报数"),
    "reopened": ("Reopened", "重新开启"),
    "lowest": ("Lowest requirement", "最低保障要求"),
    "highest": ("Highest requirement", "最高保障要求"),
    "at_the_end": ("At the end", "期末保障要求"),
    "auditor": ("Auditor", "审计机构"),
    "audit_status": ("Audit", "审计状态"),
    "day": ("Day", "日期"),
    "internal": ("Internal", "内部核对"),
    "external": ("External", "外部核对"),
    "overdue": ("D+1", "D+1核对"),
    # words in cells
    "payment-services": ("payment services", "支付服务"),
    "e-money": ("e-money", "电子货币"),
    "standard": ("standard", "标准方法"),
    "even": ("comes out", "一致"),
    "shortfall": ("shortfall", "短缺"),
    "excess": ("excess", "超额"),
    "late": ("not placed in time", "未按时存入"),
    "different": ("differs", "不一致"),
    "computed": ("computed", "已计算"),
    "cut": ("cut off", "已截止"),
    "notified": ("regulator notified", "已通报监管"),
    # why a cell is empty
    "bank_silent": ("the bank's statement is not there", "银行对账单未到"),
    "first_day": ("no day before in the log", "日志中无前一日"),
    "not_computed": ("not computed yet", "尚未计算"),
    "not_prepared": ("not prepared yet", "尚未编制"),
    "not_reviewed": ("not reviewed yet", "尚未复核"),
    "not_signed": ("not signed yet", "尚未签署"),
    "by_itself": ("by itself", "系统自动"),
    "not_kept_here": ("not known to the books or the log", "账簿与日志中无此信息"),
}


def word(key: str, language: Language) -> str:
    """Returns a heading or word; raises KeyError for one that no report has."""
    english, chinese = _WORDS[key]
    return chinese if language is Language.CHINESE else english
