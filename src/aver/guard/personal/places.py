"""The names of states, and what their people are called in English."""

from __future__ import annotations

__all__ = ["COUNTRIES", "NATIONS"]

COUNTRIES = frozenset(
    """Afghanistan,Albania,Algeria,Andorra,Angola,Antigua and Barbuda,Argentina,Armenia,Australia,Austria,Azerbaijan,Bahamas,Bahrain,Bangladesh,
Barbados,Belarus,Belgium,Belize,Benin,Bhutan,Bolivia,Bosnia and Herzegovina,Botswana,Brazil,Brunei,Bulgaria,Burkina Faso,Burundi,Cambodia,
Cameroon,Canada,Cape Verde,Central African Republic,Chile,China,Colombia,Comoros,Costa Rica,Croatia,Cuba,Cyprus,Czech Republic,Czechia,Denmark,
Djibouti,Dominican Republic,Ecuador,Egypt,El Salvador,England,Equatorial Guinea,Eritrea,Estonia,Eswatini,Ethiopia,Fiji,Finland,France,Gabon,Gambia,
Germany,Ghana,Greece,Greenland,Grenada,Guatemala,Guinea,Guyana,Haiti,Honduras,Hong Kong,Hungary,Iceland,India,Indonesia,Iran,Iraq,Ireland,Israel,
Italy,Ivory Coast,Jamaica,Japan,Kazakhstan,Kenya,Kiribati,Kosovo,Kuwait,Kyrgyzstan,Laos,Latvia,Lebanon,Lesotho,Liberia,Libya,Liechtenstein,
Lithuania,Luxembourg,Madagascar,Malawi,Malaysia,Maldives,Malta,Mauritania,Mauritius,Mexico,Moldova,Monaco,Mongolia,Montenegro,
Morocco,Mozambique,Myanmar,Namibia,Nepal,Netherlands,New Zealand,Nicaragua,Nigeria,North Korea,North Macedonia,Northern Ireland,Norway,
Oman,Pakistan,Palestine,Panama,Papua New Guinea,Paraguay,Peru,Philippines,Poland,Portugal,Puerto Rico,Qatar,Romania,Russia,Rwanda,Samoa,San Marino,
Saudi Arabia,Scotland,Senegal,Serbia,Seychelles,Sierra Leone,Singapore,Slovakia,Slovenia,Somalia,South Africa,South Korea,South Sudan,Spain,
Sri Lanka,Sudan,Suriname,Sweden,Switzerland,Syria,Taiwan,Tajikistan,Tanzania,Thailand,Togo,Tonga,Trinidad and Tobago,Tunisia,Turkmenistan,
Uganda,Ukraine,United Arab Emirates,United Kingdom,United States of America,United States,Uruguay,Uzbekistan,Vanuatu,Venezuela,Vietnam,
Wales,Yemen,Zambia,Zimbabwe""".replace("\n", "").split(",")
)
"""Without those that are common names or words too: Chad, Georgia, Jordan, Mali, Niger, Turkey."""

NATIONS = frozenset(
    """Afghan Albanian Algerian American Angolan Arab Argentinian Argentine Armenian Australian Austrian Azerbaijani Bahamian Bangladeshi
Belarusian Belgian Belizean Bolivian Bosnian Brazilian British Bruneian Bulgarian Burmese Cambodian Cameroonian Canadian Chechen
Chilean Chinese Colombian Croatian Cuban Cypriot Czech Danish Dutch Ecuadorean Ecuadorian Egyptian English Eritrean Estonian
Ethiopian Fijian Filipino Finnish French Gambian Georgian German Ghanaian Greek Greenlander Greenlandic Guatemalan Haitian
Honduran Hungarian Icelandic Indian Indonesian Iranian Iraqi Irish Israeli Italian Ivorian Jamaican Japanese Jordanian Kazakh
Kenyan Korean Kurdish Kuwaiti Laotian Latvian Lebanese Liberian Libyan Lithuanian Macedonian Malaysian Maltese Mexican Moldovan
Mongolian Montenegrin Moroccan Mozambican Namibian Nepalese Nicaraguan Nigerian Norwegian Omani Pakistani Palestinian Panamanian
Paraguayan Peruvian Portuguese Qatari Romanian Russian Rwandan Saudi Scottish Senegalese Serbian Singaporean Slovak Slovenian
Somali Spanish Sudanese Surinamese Swedish Swiss Syrian Taiwanese Tanzanian Thai Tunisian Turkish Ugandan Ukrainian Uruguayan
Uzbek Venezuelan Vietnamese Welsh Yemeni Zambian Zimbabwean Jewish Muslim Christian Catholic Protestant Buddhist Hindu Sikh Sunni
Shiite Shia Mormon
""".split()  # noqa: SIM905 - words, read as words
)
