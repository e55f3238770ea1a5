"""What is due now: who is on call, whom to call next. Pure: time and data come as arguments."""
