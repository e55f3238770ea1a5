"""From alerts to incidents, as stages of one signature; each verdict carries its reason."""
