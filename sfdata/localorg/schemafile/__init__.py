"""Custom objects and fields of a local org, its validation rules and duplicate rules, declared in a TOML file.

    [Invoice__c]                                  # a new object; key prefixes a00, a01 … in the file's order
    label = "Invoice"                             # and plural_label, where an s does not make it
    name_field = { label = "Invoice Number", auto_number = "INV-{0000}" }

    [Invoice__c.fields]
    Amount__c  = { type = "currency", precision = 16, scale = 2, required = true }
    Account__c = { type = "master-detail", to = "Account", children = "Invoices" }
    Status__c  = { type = "picklist", values = ["Open", "Paid"], default = "Open", restricted = true }

    [Account.fields]                              # more fields on a standard object
    Region__c  = { type = "text", length = 40, external_id = true, unique = true }

    [Opportunity.validation_rules.Won_Has_Amount]  # a save is refused while the formula is true
    error_condition_formula = 'AND(ISPICKVAL(StageName, "Closed Won"), ISBLANK(Amount))'
    error_message = "A deal that is won has an amount."
    error_display_field = "Amount"                 # left out: at the top of the page

    [Lead.duplicate_rules.Known_People]            # a save is refused while the org has such records
    action = "alert"                               # a client may insist on saving; "block": it may not
    alert_text = "Use one of these records?"

    [Lead.duplicate_rules.Known_People.matching_rules.Same_Person]
    object = "Contact"                             # left out: the object itself
    fields = { Email = "Email", LastName = "LastName" }     # or ["Email", "LastName"], where both are named alike

`FIELD_TYPES` lists the types and the keys each understands besides ``type`` and ``label``. A lookup or master-detail
``Account__c`` is walked as ``Account__r``, and from the parent as ``Invoices__r``. A rule may also have ``description``
and ``active = false``; its formula is Salesforce's own (see `formulas`), so rules can be pasted. Records are duplicates
where all fields of a matching rule have the same values, whatever the case of letters, and none is empty. Every mistake
is one `ConfigurationError` that names file, object and field or rule. A durable org keeps its key prefixes only if new
objects are added at the end of the file.
"""

from __future__ import annotations

from sfdata.localorg.schemafile.declared import extend

__all__ = ["extend"]
