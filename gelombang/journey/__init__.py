"""What happens to an applicant, in order; every function takes its ports and returns values."""
