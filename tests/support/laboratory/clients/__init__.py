"""Real mail clients, each of which tells what it did as facts.

A fact comes from what the client did or was told by the server; never from
looking at packets. The facts of a connection are a dictionary:

- `protocol`, `client`, `server`, `port`
- `tls`: `none`, `starttls` or `implicit`; `tls_version`, `tls_cipher` (OpenSSL's
  name for it) as the client's TLS library reported them
- `mechanism`, `user`, `auth_result` of the last authentication
- SMTP: `mail_from`, `rcpt_to`, `rcpt_refused`
- IMAP: `mailboxes` that were selected; `appended`, `expunged`, `fetched`
- POP3: `retrieved`, `deleted`
- `messages`: what crossed the wire whole, in order: `message_id`, `subject`,
  `from`, `attachments`
"""
