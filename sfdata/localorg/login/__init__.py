"""Who may come in, and as whom: OAuth and SOAP logins, sessions, identity.

oauth       token, introspect, revoke; ``grants`` decides who gets a token
authorize   the web-server flow, with ``authorization_codes``; ``frontdoor`` opens a browser session
identity    who is logged in, as document, userinfo and, signed, as ``id_token``
soap        ``login()``, ``logout()`` and the like, of older clients
passwords   which let in, with or without the security token, and how they are set
sessions    access tokens; ``refresh_tokens`` and ``tickets`` are what else may be redeemed
credentials, connected_apps   what this org knows its callers by
"""
