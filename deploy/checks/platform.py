"""What the solution counts on in tables that it does not make: the platform's own and those of Dynamics 365 Sales."""

SYSTEM_COLUMNS = frozenset({
    "createdby", "createdon", "createdonbehalfby", "modifiedby", "modifiedon", "modifiedonbehalfby", "ownerid",
    "owningbusinessunit", "owningteam", "owninguser", "statecode", "statuscode", "versionnumber",
})  # fmt: skip

COLUMNS: dict[str, frozenset[str]] = {
    "invoice": frozenset({
        "invoiceid", "name", "invoicenumber", "customerid", "totalamount", "duedate", "description", "transactioncurrencyid",
        "exchangerate",
    }),
    "account": frozenset({
        "accountid", "name", "accountnumber", "primarycontactid", "emailaddress1", "telephone1", "address1_city",
        "address1_country", "transactioncurrencyid",
    }),
    "contact": frozenset({
        "contactid", "fullname", "firstname", "lastname", "jobtitle", "parentcustomerid", "emailaddress1", "telephone1",
    }),
    "product": frozenset({"productid", "name", "productnumber", "description"}),
    "systemuser": frozenset({"systemuserid", "fullname"}),
    "transactioncurrency": frozenset({"transactioncurrencyid", "currencyname", "isocurrencycode"}),
}  # fmt: skip

RELATIONSHIPS = frozenset({"invoice_customer_accounts"})

PRIVILEGED = frozenset({
    "invoice", "account", "contact", "product", "transactioncurrency", "user", "businessunit", "team", "organization",
    "entity", "attribute", "relationship", "optionset", "sdkmessage", "sdkmessagefilter", "sdkmessageprocessingstep",
    "serviceendpoint", "customapi", "activity", "note", "queue",
})  # fmt: skip
"""Tables of the platform by the name their privileges carry: a user's is prvReadUser, an e-mail's prvReadActivity."""

PRIVILEGE_NAMES = {"systemuser": "user"}

CONTROL_CLASSES = {
    "nvarchar": {"4273EDBD-AC1D-40D3-9FB2-095C621B552D", "71716B6C-711E-476C-8AB8-5D11542BFB47"},
    "ntext": {"E0DECE4B-6FC8-4A8F-A065-082708572369"},
    "lookup": {"270BD3DB-D9AF-4782-9025-509E298DEC0A"},
    "owner": {"270BD3DB-D9AF-4782-9025-509E298DEC0A"},
    "picklist": {"3EF39988-22BB-4F0B-BBBE-64B5A3748AEE"},
    "status": {"5D68B988-0661-4DB2-BC3E-17598AD3BE6C"},
    "bit": {"67FAC785-CD58-4F9F-ABB3-4B7DDC6ED5ED"},
    "datetime": {"5B773807-9FB2-42DB-97C3-7A91EFF8ADFF"},
    "money": {"533B9E00-756B-4312-95A0-DC888637AC78"},
    "decimal": {"C3EFE0C3-0EC6-42BE-8349-CBD9079DFD8E"},
    "int": {"C6D124CA-7EDA-4A60-AEA9-7FB8D318B68F"},
}
"""The form control that shows a column, by the column's type."""

SUBGRID_CLASS = "E7A81278-8635-4D9E-8D4D-59480B391C5B"
QUICK_VIEW_CLASS = "5C5600E0-1D6E-4205-A272-BE80DA87FD42"
TIMELINE_CLASS = "06375649-C143-495E-A496-C962E5B4488E"
"""The controls that show other rows: on a relationship, on a lookup, and on whatever notes and activities regard."""
