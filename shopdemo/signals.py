"""What the shop tells others.

Receivers run in the sender's transaction: what they write commits or rolls back with it.
"""

from __future__ import annotations

from django.dispatch import Signal

# Arguments: order, request. Sent inside the transaction that places the order.
order_placed = Signal()

# Arguments: product, quantity (how many were really added), request.
added_to_basket = Signal()
