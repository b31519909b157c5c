"""Resources that do several things in one call: sObject Collections, composite, batch, tree and graph."""
