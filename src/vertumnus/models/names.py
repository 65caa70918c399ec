"""Which icons a prompt means: names matched exactly, in the plural, or by synonym."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from vertumnus.elements.icons import ALIASES, Glyph, filled_glyph, find_glyph, icon_names
from vertumnus.errors import VertumnusError, did_you_mean
from vertumnus.models.languages import english, noun_of, plain
from vertumnus.models.mini.vocabulary import COLOURS, TRAINED_FONTS, glyphs_of, nouns, plural

LONGEST = 3  # words of an icon's name that a prompt is searched for
# Endings of icon names that change a drawing and not what it shows.
_VARIANTS = ("variant", "side", "simple", "alt", "2", "3", "fill")

_SYNONYMS = """
airplane: plane aeroplane aircraft jet; apple: apples; ambulance: paramedics; baby: infant toddler; backpack: rucksack
balloon: airballoon; basket: hamper; bathtub: tub bath; bear: polar-bear grizzly
bed: cot bunk; bee: bumblebee honeybee wasp; bicycle: bike cycle pushbike; bird: songbird sparrow crow raven blackbird
boot: shoe sneaker trainer footwear
bread: loaf toast; briefcase: attache; broom: besom; bucket: pail; bug: ladybug ladybird insect beetle
burger: hamburger cheeseburger; butterfly: moth
cake: gateau; candle: taper; candy: sweet bonbon; car: automobile auto sedan motorcar
castle: fortress fort; cat: kitty kitten feline tomcat; chair: seat; cherry: cherries; church: chapel cathedral
clock: timepiece; clover: shamrock; coin: penny; cow: cattle bull ox calf; crown: tiara diadem; cup: mug coffee teacup
diamond: gem gemstone jewel; dog: puppy hound canine pup; donkey: mule ass; door: doorway; drop: droplet raindrop
dumbbell: barbell weights; envelope: letter mail; eye: eyeball; fire: flame blaze; fish: goldfish trout salmon
flower: blossom bloom daisy rose tulip; foot: footprint; fork: silverware; frog: toad; gamepad: controller joystick
gear: cog cogwheel; ghost: phantom spook spectre; gift: present; glasses: spectacles eyeglasses; globe: earth world
glove: mitten; hammer: mallet; hand: palm; handbag: purse; hat: cap fedora; headphones: earphones headset
heart: love valentine; helicopter: chopper; horse: pony stallion mare foal; house: home cottage hut cabin
jellyfish: medusa; knife: dagger; leaf: foliage; lightbulb: bulb; lightning: bolt thunderbolt thunder; lock: padlock
lamp: lantern; megaphone: bullhorn loudspeaker; microphone: mic; moon: crescent; motorcycle: motorbike
mountain: hill peak; mushroom: toadstool fungus; paintbrush: brush; paw: pawprint; pencil: crayon
person: human man woman figure; phone: handset
pig: hog swine piglet; pill: tablet capsule; pine tree: fir spruce christmas-tree xmas-tree fir-tree; pizza: slice
plant: houseplant; rabbit: bunny hare; refrigerator: fridge freezer; robot: android droid; rocket: spaceship missile
sailboat: boat yacht dinghy; sheep: lamb ram; shield: escutcheon; ship: vessel ferry steamer; shirt: tshirt tee blouse
skull: cranium; snake: serpent viper cobra; snowflake: flake; sofa: couch settee; spider: tarantula; star: pentagram
suitcase: luggage; sun: sunshine; sword: sabre blade; telephone: landline; television: tv telly; tent: camp
tree: oak; train: locomotive railway; trophy: prize; truck: lorry; turtle: tortoise; umbrella: parasol brolly
watch: wristwatch; wave: waves sea ocean water; wine: wineglass; wrench: spanner; worm: earthworm; owl: owlet
elephant: mammoth; penguin: penguins; shark: sharks; unicorn: unicorns; dragon: wyvern; crane: hoist; bottle: flask
"""
# Words of a prompt that name nothing to look at.
SILENT = frozenset(
    """
    a an the of on in at with and to my some this that his her its one two three four many small large big tiny
    little huge picture image icon photo drawing collage painting shape silhouette left right top bottom centre
    """.split()  # noqa: SIM905
)


@cache
def synonyms() -> dict[str, str]:
    """The noun for each other word for it."""
    table: dict[str, str] = {}
    for entry in _SYNONYMS.replace("\n", ";").split(";"):
        noun, _, others = entry.strip().partition(":")
        for other in others.split():
            table.setdefault(other.replace("-", " "), noun.strip())
    return table


@cache
def _plurals() -> dict[str, str]:
    return {plural(noun): noun for noun in nouns()}


def singulars(word: str) -> list[str]:
    """What a word may be the plural of, itself first.

    >>> singulars("butterflies")
    ['butterflies', 'butterfly', 'butterfli', 'butterflie']
    """
    found = [word]
    if word in _plurals():
        found.append(_plurals()[word])
    if word.endswith("ies"):
        found.append(word[:-3] + "y")
    if word.endswith("ves"):
        found += [word[:-3] + "f", word[:-3] + "fe"]
    if word.endswith("es"):
        found.append(word[:-2])
    if word.endswith("s") and not word.endswith("ss"):
        found.append(word[:-1])
    return list(dict.fromkeys(name for name in found if name))


def _icons_named(name: str, fonts: tuple[str, ...]) -> list[Glyph]:
    """The filled glyphs of a noun of the vocabulary, or of any icon of exactly this name or a variant of it."""
    found: list[Glyph] = []
    if name in nouns():
        found.extend(glyphs_of(name, fonts))
    plain = name.replace(" ", "-")
    font_, _, alias = ALIASES.get(name, "").rpartition(".")
    if font_ in fonts:
        glyph = filled_glyph(alias, font_)
        found.extend([glyph] if glyph is not None else [])
    for font in fonts:
        for wanted in (plain, *(f"{plain}-{ending}" for ending in _VARIANTS)):
            glyph = filled_glyph(wanted, font)
            if glyph is not None:
                found.append(glyph)
    return list({(glyph.font, glyph.codepoint): glyph for glyph in found}.values())


def _hollow_named(name: str, fonts: tuple[str, ...]) -> list[Glyph]:
    found = [find_glyph(name.replace(" ", "-"), font) for font in fonts]
    return [glyph for glyph in found if glyph is not None]


def glyphs_meant(phrase: str, fonts: tuple[str, ...]) -> list[Glyph]:
    """The icons that a word or phrase means, filled ones if there are any."""
    for look in (_icons_named, _hollow_named):
        for name in singulars(phrase):
            found = look(name, fonts)
            if name in synonyms():
                found = found + look(synonyms()[name], fonts)
            if found:
                return found
    noun = noun_of(phrase)
    return glyphs_meant(noun, fonts) if noun is not None else []


def match_icons(prompt: str, fonts: tuple[str, ...] = TRAINED_FONTS) -> tuple[list[Glyph], list[str]]:
    """The icons that a prompt means, and the words it means them by, longest names first.

    Raises `VertumnusError` for an empty prompt, and with the nearest known words if nothing matches.

    >>> match_icons("two red butterflies")[1], match_icons("a teddy bear with an umbrella")[1]
    (['butterflies'], ['teddy bear', 'umbrella'])
    """
    words = words_of(prompt, nouns(8))
    # A colour or a number names nothing, unless there is nothing else: "an orange".
    glyphs, matched = _search(words, fonts, SILENT.union(COLOURS)) or _search(words, fonts, SILENT) or ([], [])
    if not glyphs:
        asked = next((word for word in reversed(words) if word not in SILENT), words[-1])
        hint = did_you_mean(asked, known_words(fonts)) or "; some it knows: " + ", ".join(nouns(8))
        raise VertumnusError(f"prompt: {prompt!r} names no icon that the pictogram prior knows{hint}")
    return glyphs, matched


def noun_for(phrase: str, fonts: tuple[str, ...] = TRAINED_FONTS) -> tuple[str, bool]:
    """The noun that a word or phrase stands for, in the singular, and whether it speaks of several.

    >>> noun_for("hares"), noun_for("glasses"), noun_for("christmas tree")
    (('rabbit', True), ('glasses', False), ('pine tree', False))
    """
    for name in singulars(phrase):
        if name in synonyms() or _icons_named(name, fonts) or _hollow_named(name, fonts):
            return synonyms().get(name, name), name != phrase
    return noun_of(phrase) or phrase, False


def words_of(prompt: str, known: Sequence[str] = (), also: str = "") -> list[str]:
    """A prompt's words, in small letters, and the signs of ``also``.

    Raises `VertumnusError` if there are none that could be known.
    """
    words = re.findall(rf"[a-z0-9]+|[{also or ' '}]", plain(prompt).replace("'s ", " ").replace("\n", " "))
    words = english([word for word in words if word != " "])
    if not words and not prompt.strip():
        raise VertumnusError("prompt: it is empty; write what the collage is to show, such as a butterfly")
    if not words:
        raise VertumnusError(f"prompt: {prompt!r} has no English word; some it knows: {', '.join(known)}")
    return words


def _search(words: list[str], fonts: tuple[str, ...], silent: frozenset[str]) -> tuple[list[Glyph], list[str]] | None:
    """The icons and the names found among words, silent ones passed over; nothing if there are none."""
    glyphs: list[Glyph] = []
    matched: list[str] = []
    at = 0
    while at < len(words):
        for length in range(min(LONGEST, len(words) - at), 0, -1):
            phrase = " ".join(words[at : at + length])
            found = [] if phrase in silent else glyphs_meant(phrase, fonts)
            if found:
                glyphs.extend(found)
                matched.append(phrase)
                at += length
                break
        else:
            at += 1
    unique = {(glyph.font, glyph.codepoint): glyph for glyph in glyphs}
    return (list(unique.values()), matched) if matched else None


@cache
def known_words(fonts: tuple[str, ...] = TRAINED_FONTS) -> list[str]:
    """Every name that `match_icons` finds, sorted."""
    names = {name.replace("-", " ") for font in fonts for name in icon_names(font)}
    return sorted((names | set(nouns()) | set(synonyms())) - SILENT)


SHOWN = 12  # nouns that an error names where none is near


def nouns_in(prompt: str, known: Sequence[str], who: str = "the model") -> list[str]:
    """The nouns that a prompt names, in its order, by themselves, in the plural or by synonym.

    known   nouns of the vocabulary; what is not among them is passed over
    who     knows them, for the error

    Raises `VertumnusError` for an empty prompt, and with the nearest nouns if it names none of them.

    >>> nouns_in("two red butterflies over a teddy bear", ["butterfly", "teddy bear", "cat"])
    ['butterfly', 'teddy bear']
    """
    words = words_of(prompt, known)
    phrases = [" ".join(words[at : at + n]) for at in range(len(words)) for n in range(1, LONGEST + 1)]
    meant = [synonyms().get(name, name) for phrase in phrases for name in singulars(phrase)]
    named = [noun for noun in dict.fromkeys(meant) if noun in known]
    if not named:
        asked = next((word for word in reversed(words) if word not in SILENT), words[-1])
        more = f" and {len(known) - SHOWN:,} more" if len(known) > SHOWN else ""
        hint = did_you_mean(asked, known) or f"; it knows {', '.join(known[:SHOWN])}{more}"
        raise VertumnusError(f"prompt: {prompt!r} names nothing that {who} knows{hint}")
    return named
