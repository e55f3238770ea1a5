"""Delivery histories of forges, read by REST: what their webhooks tell as it happens, told after the fact."""
