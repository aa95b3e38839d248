"""What the dissectors of SMTP, IMAP and POP3 share."""
