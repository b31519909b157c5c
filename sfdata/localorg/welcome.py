"""How each client connects to this org: for the terminal that started it, and for the status page. Holds no secret."""

from __future__ import annotations

from collections.abc import Mapping

TOKEN = "<access_token>"  # noqa: S105 - a placeholder

CLIENTS: Mapping[str, str] = {
    "sfdata": "export SF_INSTANCE_URL={instance_url} SF_ACCESS_TOKEN={token}{sfdata_ca}",
    "simple-salesforce": "{simple_salesforce}",
    "jsforce": '{node_ca}new jsforce.Connection({{instanceUrl: "{instance_url}", accessToken: "{token}"}})',
    "sf CLI": (
        "{sf_ca}sf org login web --instance-url {instance_url}\n"
        "or, without a browser:\n"
        "sf org login jwt --instance-url {instance_url} --username {username} \\\n"
        "  --jwt-key-file {private_key_file} \\\n"
        "  --client-id {client_id}"
    ),
}
"""Client: what to type."""

WITHOUT_TLS = {
    "sfdata_ca": "",
    "simple_salesforce": "speaks https only: start the org with --tls",
    "node_ca": "",
    "sf_ca": "",
}
WITH_TLS = {
    "sfdata_ca": " SF_CA_FILE={ca_file}",
    "simple_salesforce": (
        'export REQUESTS_CA_BUNDLE={ca_file}\nSalesforce(instance_url="{instance_url}", session_id="{token}")'
    ),
    "node_ca": "NODE_EXTRA_CA_CERTS={ca_file} node …\n",
    "sf_ca": "export NODE_EXTRA_CA_CERTS={ca_file}\n",
}


def instructions(info: Mapping[str, str | None]) -> Mapping[str, str]:
    """What to type, per client, for an org with this ``info``."""
    values = {**info, "token": TOKEN}
    texts = WITH_TLS if info["ca_file"] else WITHOUT_TLS
    values |= {name: text.format(**values) for name, text in texts.items()}
    return {client: text.format(**values) for client, text in CLIENTS.items()}
