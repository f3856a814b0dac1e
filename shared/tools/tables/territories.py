"""Unions of countries, and the places where customs or tax treat an address otherwise than its country.

As of 2026-11. An operator who needs more (the Eurasian or Gulf union, say) passes its own list of unions.
"""

from __future__ import annotations

# Member states of the European Union, and the other parties of the European Economic Area.
EU = frozenset(
    "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE".split()  # noqa: SIM905
)
EEA = EU | {"IS", "LI", "NO"}

# An address with such a postal code is not treated as its country is: outside the customs or the tax
# territory of the Union (Regulation (EU) 952/2013 art. 4; Directive 2006/112/EC art. 6), so goods are
# declared on their way there.
SPECIAL_AREAS: dict[str, dict[str, str]] = {
    "ES": {"35": "Canary Islands", "38": "Canary Islands", "51": "Ceuta", "52": "Melilla"},
    "DE": {"27498": "Heligoland", "78266": "Büsingen"},
    "IT": {"23041": "Livigno", "22061": "Campione d'Italia"},
    "GR": {"63086": "Mount Athos"},
    "FI": {"22": "Åland Islands"},
    "FR": {"971": "Guadeloupe", "972": "Martinique", "973": "Guiana", "974": "Réunion", "976": "Mayotte"},
    "GB": {"BT": "Northern Ireland"},
}

# Areas between which goods move without a customs declaration.
CUSTOMS_UNIONS: tuple[frozenset[str], ...] = (
    # Monaco: Regulation (EU) 952/2013 art. 4(2); Northern Ireland, for goods: Windsor Framework art. 5.
    EU | {"MC", "Northern Ireland"},
    frozenset({"GB", "IM", "Northern Ireland"}),  # customs union of the United Kingdom and the Isle of Man, 1979
    frozenset({"CH", "LI"}),  # customs treaty of 1923
    frozenset({"US", "PR"}),  # 19 CFR 101.1: customs territory of the United States
)
