"""The values Salesforce ships in its standard picklists, where more than one object uses them or the list is long.

A mapping gives the label beside the stored value. Statuses that close a record are in `stages`.
"""

from __future__ import annotations

INDUSTRIES = (
    "Agriculture", "Apparel", "Banking", "Biotechnology", "Chemicals", "Communications", "Construction", "Consulting",
    "Education", "Electronics", "Energy", "Engineering", "Entertainment", "Environmental", "Finance",
    "Food & Beverage", "Government", "Healthcare", "Hospitality", "Insurance", "Machinery", "Manufacturing", "Media",
    "Not For Profit", "Recreation", "Retail", "Shipping", "Technology", "Telecommunications", "Transportation",
    "Utilities", "Other",
)  # fmt: skip
RATINGS = ("Hot", "Warm", "Cold")
LEAD_SOURCES = ("Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other")
CLEAN_STATUSES = {
    "Matched": "In Sync",
    "Different": "Different",
    "Acknowledged": "Reviewed",
    "NotFound": "Not Found",
    "Inactive": "Inactive",
    "Pending": "Not Compared",
    "SelectMatch": "Select Match",
    "Skipped": "Skipped",
}
YES_NO = ("Yes", "No")

ACCOUNT_TYPES = (
    "Prospect", "Customer - Direct", "Customer - Channel", "Channel Partner / Reseller", "Installation Partner",
    "Technology Partner", "Other",
)  # fmt: skip
OWNERSHIPS = ("Public", "Private", "Subsidiary", "Other")
SEGMENTS = ("Strategic", "Key Account", "Mid-Market", "Small Business", "Public Sector")

OPPORTUNITY_TYPES = (
    "Existing Customer - Upgrade", "Existing Customer - Replacement", "Existing Customer - Downgrade", "New Customer",
)  # fmt: skip
CONTACT_ROLES = (
    "Business User", "Decision Maker", "Economic Buyer", "Economic Decision Maker", "Evaluator", "Executive Sponsor",
    "Influencer", "Technical Buyer", "Other",
)  # fmt: skip
CAMPAIGN_TYPES = (
    "Conference", "Webinar", "Trade Show", "Public Relations", "Partners", "Referral Program", "Advertisement",
    "Banner Ads", "Direct Mail", "Email", "Telemarketing", "Other",
)  # fmt: skip
CAMPAIGN_STATUSES = ("Planned", "In Progress", "Completed", "Aborted")
ASSET_STATUSES = ("Shipped", "Installed", "Registered", "Obsolete", "Purchased")

CASE_TYPES = ("Mechanical", "Electrical", "Electronic", "Structural", "Other")
CASE_REASONS = (
    "Installation", "Equipment Complexity", "Performance", "Breakdown", "Equipment Design", "Feedback", "Other",
)  # fmt: skip
CASE_ORIGINS = ("Phone", "Email", "Web")
GENERATORS = ("GC1020", "GC1040", "GC1060", "GC3020", "GC3040", "GC3060", "GC5020", "GC5040", "GC5060")
PRIORITIES = ("High", "Medium", "Low")

TASK_SUBJECTS = ("Call", "Send Letter", "Send Quote", "Other")
EVENT_SUBJECTS = ("Call", "Email", "Meeting", "Send Letter/Quote", "Other")
CALL_TYPES = ("Internal", "Inbound", "Outbound")
TASK_SUBTYPES = {
    "Task": "Task",
    "Email": "Email",
    "ListEmail": "List Email",
    "Cadence": "Cadence",
    "Call": "Call",
    "LinkedIn": "LinkedIn",
}
RECURRENCE_TYPES = {
    "RecursDaily": "Recurs Daily",
    "RecursEveryWeekday": "Recurs Every Weekday",
    "RecursMonthly": "Recurs Monthly",
    "RecursMonthlyNth": "Recurs Monthly Nth",
    "RecursWeekly": "Recurs Weekly",
    "RecursYearly": "Recurs Yearly",
    "RecursYearlyNth": "Recurs Yearly Nth",
}
RECURRENCE_INSTANCES = {"First": "1st", "Second": "2nd", "Third": "3rd", "Fourth": "4th", "Last": "last"}
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip

USER_TYPES = {
    "Standard": "Standard",
    "PowerPartner": "Partner",
    "PowerCustomerSuccess": "Customer Portal Manager",
    "CustomerSuccess": "Customer Portal User",
    "Guest": "Guest",
    "CspLitePortal": "High Volume Portal",
    "CsnOnly": "CSN Only",
    "SelfService": "Self Service",
    "AutomatedProcess": "Automated Process",
    "CloudIntegrationUser": "Cloud Integration User",
}
GROUP_TYPES = {
    "Regular": "Public Group",
    "Role": "Role",
    "RoleAndSubordinates": "Role and Subordinates",
    "RoleAndSubordinatesInternal": "Role and Internal Subordinates",
    "Organization": "Organization",
    "Queue": "Queue",
    "AllCustomerPortal": "All Customer Portal Users",
    "PRMOrganization": "All Partner Users",
    "Manager": "Manager",
    "ManagerAndSubordinatesInternal": "Manager and Internal Subordinates",
}
ORGANIZATION_TYPES = (
    "Team Edition", "Professional Edition", "Enterprise Edition", "Developer Edition", "Personal Edition",
    "Unlimited Edition", "Contact Manager Edition", "Base Edition",
)  # fmt: skip
RECORD_ACCESS = {
    "None": "Private",
    "Read": "Read Only",
    "Edit": "Read/Write",
    "ControlledByParent": "Controlled By Parent",
    "ReadEditTransfer": "Read/Write/Transfer",
    "All": "Owner",
}
ROLE_ACCESS = {"None": "None", "Read": "Read", "Edit": "Edit"}

EMAIL_ENCODINGS = {
    "UTF-8": "Unicode (UTF-8)",
    "ISO-8859-1": "General US & Western Europe (ISO-8859-1, ISO-LATIN-1)",
    "Shift_JIS": "Japanese (Shift-JIS)",
    "ISO-2022-JP": "Japanese (JIS)",
    "EUC-JP": "Japanese (EUC)",
    "ks_c_5601-1987": "Korean (ks_c_5601-1987)",
    "Big5": "Traditional Chinese (Big5)",
    "GB2312": "Simplified Chinese (GB2312)",
    "Big5-HKSCS": "Traditional Chinese Hong Kong (Big5-HKSCS)",
    "x-SJIS_0213": "Japanese (Shift-JIS_2004)",
}
LANGUAGES = {
    "en_US": "English", "de": "German", "es": "Spanish", "fr": "French", "it": "Italian", "ja": "Japanese",
    "sv": "Swedish", "ko": "Korean", "zh_TW": "Chinese (Traditional)", "zh_CN": "Chinese (Simplified)",
    "pt_BR": "Portuguese (Brazil)", "nl_NL": "Dutch", "da": "Danish", "th": "Thai", "fi": "Finnish",
    "ru": "Russian", "es_MX": "Spanish (Mexico)", "no": "Norwegian",
}  # fmt: skip
LOCALES = {
    "ar_AE": "Arabic (United Arab Emirates)", "bg_BG": "Bulgarian (Bulgaria)", "cs_CZ": "Czech (Czechia)",
    "da_DK": "Danish (Denmark)", "de_AT": "German (Austria)", "de_CH": "German (Switzerland)",
    "de_DE": "German (Germany)", "el_GR": "Greek (Greece)", "en_AU": "English (Australia)",
    "en_CA": "English (Canada)", "en_GB": "English (United Kingdom)", "en_IE": "English (Ireland)",
    "en_IN": "English (India)", "en_NZ": "English (New Zealand)", "en_SG": "English (Singapore)",
    "en_US": "English (United States)", "en_ZA": "English (South Africa)", "es_AR": "Spanish (Argentina)",
    "es_CL": "Spanish (Chile)", "es_CO": "Spanish (Colombia)", "es_ES": "Spanish (Spain)",
    "es_MX": "Spanish (Mexico)", "fi_FI": "Finnish (Finland)", "fr_BE": "French (Belgium)",
    "fr_CA": "French (Canada)", "fr_CH": "French (Switzerland)", "fr_FR": "French (France)",
    "hu_HU": "Hungarian (Hungary)", "it_CH": "Italian (Switzerland)", "it_IT": "Italian (Italy)",
    "iw_IL": "Hebrew (Israel)", "ja_JP": "Japanese (Japan)", "ko_KR": "Korean (South Korea)",
    "nl_BE": "Dutch (Belgium)", "nl_NL": "Dutch (Netherlands)", "no_NO": "Norwegian (Norway)",
    "pl_PL": "Polish (Poland)", "pt_BR": "Portuguese (Brazil)", "pt_PT": "Portuguese (Portugal)",
    "ro_RO": "Romanian (Romania)", "ru_RU": "Russian (Russia)", "sv_SE": "Swedish (Sweden)",
    "th_TH": "Thai (Thailand)", "tr_TR": "Turkish (Türkiye)", "uk_UA": "Ukrainian (Ukraine)",
    "vi_VN": "Vietnamese (Vietnam)", "zh_CN": "Chinese (China)", "zh_TW": "Chinese (Taiwan)",
}  # fmt: skip
TIME_ZONES = (
    "Pacific/Kiritimati", "Pacific/Chatham", "Pacific/Apia", "Pacific/Auckland", "Pacific/Tongatapu",
    "Asia/Kamchatka", "Pacific/Fiji", "Pacific/Norfolk", "Asia/Magadan", "Australia/Hobart", "Australia/Melbourne",
    "Australia/Sydney", "Pacific/Guadalcanal", "Australia/Adelaide", "Asia/Vladivostok", "Australia/Brisbane",
    "Australia/Darwin", "Asia/Seoul", "Asia/Tokyo", "Asia/Yakutsk", "Asia/Hong_Kong", "Asia/Irkutsk",
    "Asia/Kuala_Lumpur", "Asia/Kuching", "Asia/Macau", "Asia/Manila", "Asia/Shanghai", "Asia/Singapore",
    "Asia/Taipei", "Asia/Ulaanbaatar", "Australia/Perth", "Asia/Bangkok", "Asia/Ho_Chi_Minh", "Asia/Jakarta",
    "Asia/Krasnoyarsk", "Asia/Novosibirsk", "Asia/Rangoon", "Asia/Almaty", "Asia/Dhaka", "Asia/Kathmandu",
    "Asia/Colombo", "Asia/Kolkata", "Asia/Karachi", "Asia/Tashkent", "Asia/Yekaterinburg", "Asia/Kabul",
    "Asia/Baku", "Asia/Dubai", "Asia/Muscat", "Asia/Tbilisi", "Asia/Yerevan", "Asia/Tehran", "Africa/Addis_Ababa",
    "Africa/Nairobi", "Asia/Amman", "Asia/Baghdad", "Asia/Bahrain", "Asia/Kuwait", "Asia/Qatar", "Asia/Riyadh",
    "Europe/Istanbul", "Europe/Minsk", "Europe/Moscow", "Africa/Cairo", "Africa/Johannesburg", "Asia/Beirut",
    "Asia/Jerusalem", "Asia/Nicosia", "Europe/Athens", "Europe/Bucharest", "Europe/Helsinki", "Europe/Kiev",
    "Europe/Riga", "Europe/Sofia", "Europe/Tallinn", "Europe/Vilnius", "Africa/Algiers", "Africa/Casablanca",
    "Africa/Lagos", "Africa/Tunis", "Europe/Amsterdam", "Europe/Andorra", "Europe/Belgrade", "Europe/Berlin",
    "Europe/Bratislava", "Europe/Brussels", "Europe/Budapest", "Europe/Copenhagen", "Europe/Gibraltar",
    "Europe/Ljubljana", "Europe/Luxembourg", "Europe/Madrid", "Europe/Malta", "Europe/Monaco", "Europe/Oslo",
    "Europe/Paris", "Europe/Prague", "Europe/Rome", "Europe/Sarajevo", "Europe/Skopje", "Europe/Stockholm",
    "Europe/Tirane", "Europe/Vaduz", "Europe/Vienna", "Europe/Warsaw", "Europe/Zagreb", "Europe/Zurich",
    "Africa/Accra", "Atlantic/Canary", "Atlantic/Reykjavik", "Europe/Dublin", "Europe/Lisbon", "Europe/London",
    "GMT", "Atlantic/Azores", "Atlantic/Cape_Verde", "America/Argentina/Buenos_Aires", "America/Asuncion",
    "America/Montevideo", "America/Santiago", "America/Sao_Paulo", "America/St_Johns", "America/Caracas",
    "America/Halifax", "America/La_Paz", "America/Puerto_Rico", "America/Santo_Domingo", "Atlantic/Bermuda",
    "America/Bogota", "America/Detroit", "America/Guayaquil", "America/Havana", "America/Indiana/Indianapolis",
    "America/Jamaica", "America/Lima", "America/New_York", "America/Panama", "America/Toronto", "America/Chicago",
    "America/Costa_Rica", "America/El_Salvador", "America/Guatemala", "America/Mexico_City", "America/Monterrey",
    "America/Regina", "America/Winnipeg", "America/Boise", "America/Denver", "America/Edmonton", "America/Phoenix",
    "America/Los_Angeles", "America/Tijuana", "America/Vancouver", "America/Anchorage", "Pacific/Honolulu",
    "Pacific/Pago_Pago",
)  # fmt: skip
