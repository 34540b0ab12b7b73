"""Measurements over orders, reviews and complaints of the year before the day."""

from __future__ import annotations

from credit.assessment.measuring import measure

measure(
    "delivered_on_promise",
    zh="按承诺时限送达的订单",
    en="orders delivered by the time promised",
    mend_zh="查明迟延的商家和线路，调整承诺时限或改进配送",
    mend_en="find the merchants and routes that are late; change the promise or the delivery",
    needs=("transactions.delivery_due_at", "transactions.delivered_at"),
    # Completed without a delivery recorded: it came, nobody knows when.
    sql="""SELECT transaction_id AS key, CASE WHEN delivered_at IS NULL AND completed_at IS NOT NULL THEN NULL
            ELSE coalesce(delivered_at <= delivery_due_at, false) END AS ok
        FROM seen_transactions
        WHERE ordered_at >= $start AND cancelled_at IS NULL AND delivery_due_at IS NOT NULL""",
)
measure(
    "dispatched_on_promise",
    zh="按承诺时限发货的订单",
    en="orders dispatched by the time promised",
    mend_zh="督促迟发货的商家，调整备货或承诺时限",
    mend_en="press the merchants that dispatch late; change their stock or their promise",
    needs=("transactions.dispatch_due_at", "transactions.dispatched_at"),
    sql="""SELECT transaction_id AS key, CASE WHEN dispatched_at IS NULL AND completed_at IS NOT NULL THEN NULL
            ELSE coalesce(dispatched_at <= dispatch_due_at, false) END AS ok
        FROM seen_transactions
        WHERE ordered_at >= $start AND cancelled_at IS NULL AND dispatch_due_at IS NOT NULL""",
)
measure(
    "traceable",
    zh="可全程查询和跟踪的已发货订单",
    en="dispatched orders that can be tracked end to end",
    mend_zh="请商家使用可全程跟踪的配送服务，并回传轨迹",
    mend_en="have merchants use delivery that can be tracked, and report the track",
    needs=("transactions.traceable", "transactions.dispatched_at"),
    sql="""SELECT transaction_id AS key, traceable AS ok
        FROM seen_transactions WHERE ordered_at >= $start AND dispatched_at IS NOT NULL""",
)
measure(
    "invoices_issued",
    zh="索要发票后按期开具的订单",
    en="orders whose buyer asked for an invoice and got it in time",
    mend_zh="督促商家补开发票，并改进开票流程",
    mend_en="have the merchants issue the invoices, and mend how they are issued",
    needs=("transactions.invoice_asked", "transactions.invoice_issued_at"),
    numbers=("days",),
    # From when it may be asked for: when the order is complete.
    sql="""SELECT transaction_id AS key, CASE WHEN invoice_asked
            THEN coalesce(invoice_issued_at <= completed_at + to_days($days::INTEGER), false) END AS ok
        FROM seen_transactions
        WHERE ordered_at >= $start AND completed_at < $cut_off - to_days($days::INTEGER) AND invoice_asked IS NOT false""",
)
measure(
    "refunds_in_time",
    zh="按期完成的退款",
    en="refunds made in time",
    mend_zh="督促商家按期退款，必要时由平台先行垫付",
    mend_en="press the merchants; where need be the platform refunds first",
    needs=("transactions.refund_requested_at", "transactions.refunded_at"),
    numbers=("days",),
    # Without a refund: refused with cause, or late; nobody knows which.
    sql="""SELECT transaction_id AS key, refunded_at <= refund_requested_at + to_days($days::INTEGER) AS ok
        FROM seen_transactions
        WHERE refund_requested_at >= $start AND refund_requested_at < $cut_off - to_days($days::INTEGER)""",
)
measure(
    "orders_concluded",
    zh="按流程完成或取消的订单",
    en="orders that were completed or cancelled",
    mend_zh="查明悬置订单，完成或取消并通知买家",
    mend_en="look into the orders left open; complete or cancel them and tell the buyer",
    needs=("transactions.completed_at",),
    numbers=("days",),
    sql="""SELECT transaction_id AS key, completed_at IS NOT NULL OR cancelled_at IS NOT NULL AS ok
        FROM seen_transactions WHERE ordered_at >= $start AND ordered_at < $cut_off - to_days($days::INTEGER)""",
)
measure(
    "merchants_reviewed",
    zh="有足够交易并有评价的商家",
    en="merchants with orders enough that have reviews",
    mend_zh="检查这些商家的评价入口是否开放、评价是否被删除",
    mend_en="see whether reviews of these merchants can be written, and that none were deleted",
    needs=("transactions.completed_at", "reviews"),
    numbers=("orders",),
    sql="""SELECT subject_id AS key, subject_id IN (SELECT subject_id FROM seen_reviews WHERE reviewed_at >= $start) AS ok
        FROM seen_transactions WHERE ordered_at >= $start AND completed_at IS NOT NULL
        GROUP BY subject_id HAVING count(*) >= $orders""",
)
measure(
    "answered_in_time",
    zh="按时作出首次响应的投诉",
    en="complaints first answered in time",
    mend_zh="增加客服力量，督促商家及时响应",
    mend_en="strengthen the service desk and press the merchants to answer",
    needs=("complaints.first_response_at",),
    numbers=("hours",),
    sql="""SELECT complaint_id AS key, coalesce(first_response_at <= filed_at + to_hours($hours::INTEGER), false) AS ok
        FROM seen_complaints WHERE filed_at >= $start AND filed_at < $cut_off - to_hours($hours::INTEGER)""",
)
measure(
    "disputes_concluded",
    zh="按期办结并有结果的投诉和争议",
    en="complaints and disputes concluded in time, with an outcome",
    mend_zh="督促办结逾期投诉，记录处理结果",
    mend_en="conclude those that are overdue and record the outcome",
    needs=("complaints.resolved_at", "complaints.outcome"),
    sql="""SELECT complaint_id AS key, coalesce(resolved_at <= resolution_due_at AND outcome IS NOT NULL, false) AS ok
        FROM seen_complaints WHERE filed_at >= $start AND resolution_due_at IS NOT NULL""",
)
measure(
    "reviewers_satisfied",
    zh="总体评分达到满意的评价",
    en="reviews whose overall rating says that the buyer was satisfied",
    mend_zh="从低分评价中查明原因，改进商品和服务",
    mend_en="find out from the low ratings what is wrong, and mend goods and service",
    needs=("reviews",),
    numbers=("stars",),
    sql="""SELECT review_id AS key, rating_overall >= $stars AS ok
        FROM seen_reviews WHERE reviewed_at >= $start AND authentic IS NOT false""",
)
