"""What people write into a CRM: subjects, notes and replies, with the line breaks, quotes and commas they have."""

from __future__ import annotations

from typing import Final

from sfdata.localorg.company.draws import deck

ACCOUNT_NOTES: Final = deck(
    {
        None: 150,
        "Long-standing customer. Buys power tools twice a year, always in the last week of the quarter.": 14,
        "Met at the trade fair in Köln.\nInterested in: torque wrenches, impact drivers.\n\nCall back in spring.": 12,
        'Says "price is everything", but orders the premium line anyway.': 12,
        "Payment terms: 30 days, 2% discount within 10 days; see contract.": 12,
        "Merged from old CRM (id 00042). Address may be outdated, check before shipping!": 10,
        "Zahlungsziel 14 Tage. Ansprechpartner wechselt häufig – bitte Zentrale anrufen.": 8,
        "Client fidèle depuis 1998 ; préfère être appelé l'après-midi.": 6,
        "納期厳守。請求書は月末締め、翌月払い。": 4,
        "Tracks spend in a spreadsheet:\n\tYear\tUSD\n\t1\t12,000\n\t2\t18,500": 6,
        "N/A": 4,
        "Line one\r\nLine two\r\n\r\nLine four, after an empty one": 6,
        "Prefers e-mail over phone. 👍": 6,
        "\n".join(["Their own customers include utilities and three shipyards."] * 12): 6,
    }
)
CONTACT_NOTES: Final = deck(
    {
        None: 210,
        "Decides together with the plant manager.": 12,
        'Goes by "Bob", never Robert.': 6,
        "On parental leave until further notice;\nplease contact the assistant.": 8,
        "Speaks German, French and some Polish.": 8,
        "Do not call before 10:00, works the late shift.": 8,
        "null": 2,
        "Former colleague of our sales lead – knows the product range well.": 2,
    }
)
OPPORTUNITY_NAMES: Final = deck(
    {
        "Spare parts": 34, "Framework agreement": 20, "Workshop refit": 24, "Cordless fleet": 26, "New plant": 10,
        "Replacement drills": 26, "Torque tools": 20, "Calibration service": 16, 'Line "B" upgrade': 8,
        "Training, 2 days": 12, "Tool cribs & lockers": 12, "Lager Süd": 6, "Safety gear": 18, "Add-on order": 24,
    }
)  # fmt: skip
NEXT_STEPS: Final = deck(
    {
        None: 120, "Send quote": 30, "Call back next week": 30, "Demo on site": 24, "Wait for budget approval": 22,
        "Legal review, then sign": 12, "Get PO number": 18,
    }
)  # fmt: skip
OPPORTUNITY_NOTES: Final = deck(
    {
        None: 190,
        "Competes with two other suppliers.\nWe are 8% more expensive, but deliver in 48h.": 20,
        "Budget approved; waiting for the signature of the works council.": 16,
        'Customer asks for "green" packaging, at no extra cost.': 12,
        "Options:\n- 20 units now\n- 40 units, split delivery\n- rental": 12,
        "Verbal yes. 🎉": 6,
    }
)
COMPETITORS: Final = deck(
    {None: 180, "Acme Tools": 30, "Oakridge, Hawkpower": 16, "Tanuki, Hawkpower": 14, "Zephyr & Co.": 16}
)

CASE_SUBJECTS: Final = deck(
    {
        "Drill overheats after ten minutes": 22, "Battery does not charge": 30, "Wrong item delivered": 18,
        "Invoice shows the wrong VAT number": 14, "Motor stalls under load": 18, "Request for spare parts list": 18,
        "Laser level out of calibration": 14, "Delivery late – where is my order?": 24, "Chuck wobbles": 14,
        "Password reset for the web shop": 16, "Gehäuse gerissen": 8, "Fuite d'huile sur le compresseur": 6,
        "電源が入らない": 4, "Safety recall: need confirmation": 8, "RE: RE: FW: \"urgent\" complaint": 8,
        "Warranty claim": 24, None: 10,
    }
)  # fmt: skip
CASE_NOTES: Final = deck(
    {
        "Customer reports that the tool stops after a few minutes of use.\nSerial number on the photo.": 40,
        "Hello,\n\nthe parcel arrived, but two of the five boxes were empty.\n\nKind regards": 26,
        'Caller was told "someone will call back" and nobody did, for the third time.': 24,
        "Steps tried: 1) other battery, 2) other socket, 3) reset. No change.": 30,
        "See attached pictures; error code E-04, then E-00.": 30,
        "Guten Tag, das Gerät läuft nicht mehr. Bitte um Rückruf!": 16,
        "Requests refund of 1.249,00 €; ordered twice by mistake.": 20,
        None: 70,
    }
)
TASK_SUBJECTS: Final = deck(
    {
        "Call": 90, "Send Quote": 44, "Send Letter": 20, "Follow up": 36, "Check stock, then confirm delivery": 16,
        "Email: Your order": 26, "Remind about unpaid invoice": 14, 'Prepare "year in review" slides': 6, None: 4,
    }
)  # fmt: skip
TASK_NOTES: Final = deck(
    {
        None: 170,
        "Left a voicemail.": 30,
        "Spoke to the assistant; call again on Thursday, after 14:00.": 22,
        "Wants a sample first.\nSend to the plant, not to the head office.": 20,
        "No answer. No answer. No answer.": 14,
    }
)
EVENT_SUBJECTS: Final = deck(
    {"Meeting": 100, "Call": 60, "Product demo": 40, "Plant tour": 20, "Quarterly review": 26, "Messe Köln": 6, None: 4}
)
EVENT_PLACES: Final = deck(
    {
        None: 90, "Customer site": 70, "Online": 50, "Our showroom, 2nd floor": 24, "Café Müller": 8,
        'Room "Torque"': 14,
    }
)  # fmt: skip
LEAD_NOTES: Final = deck(
    {
        None: 200,
        'Filled in the web form: "How much for 200 pcs?"': 20,
        "Business card from the fair, hard to read.": 16,
        "Bought list 7/2, row 00815.": 12,
        "Interested, but under contract with a competitor until next year.": 8,
    }
)
CONTRACT_NOTES: Final = deck(
    {None: 200, "Frame agreement, call-off orders.": 30, 'Price list "A", fixed for one year;\nindexed afterwards.': 26}
)
ASSET_NOTES: Final = deck({None: 220, "Refurbished.": 16, "Location: hall 3, rack 07": 20})
CASE_COMMENTS: Final = deck(
    {
        "Called back, no answer.": 60, "Replacement sent, tracking number in the mail.": 60,
        "Customer confirms: works again.\nClosing.": 50, 'Asked for a photo of the "E-04" display.': 40,
        "Escalated to engineering.": 26, "Danke, hat sich erledigt!": 20,
    }
)  # fmt: skip
CAMPAIGN_NOTES: Final = deck({None: 160, "Goal: 50 qualified leads.\nOwner: marketing, with sales.": 96})
CAMPAIGN_NAMES: Final = (
    "Spring Catalogue", "Trade Fair Köln", "Cordless Launch Webinar", "Win-Back Mailing", "Référence Atelier",
    "Reseller Kick-off", "Calibration Week", "Safety Month", "工具フェア", "Year-End Clearance", "Apprentice Programme",
    "Search Ads – Torque", "Refer a Friend", "Plant Manager Breakfast",
)  # fmt: skip
