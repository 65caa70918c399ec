"""The words of the world of icons: nouns and the glyphs that show them, colours, sizes, sides.

Nouns are in order of how soon a small model learns them: shapes that are plain and unlike any other first, so
that a model of n nouns takes the first n.
"""

from __future__ import annotations

from functools import cache

from vertumnus.elements.icons import Glyph, filled_glyph

TRAINED_FONTS = ("fa6", "mdi6", "remix", "elusive")  # fa5 draws as fa6 does
HELD_OUT_FONT = "phosphor"  # no model sees it, so that a style not trained on is there to test with

# A noun, and the names its glyphs go by where they differ from it; a name with a font's is that font's alone.
_NOUNS = """
star; heart; moon: moon weather-night moon-clear; cloud; key: key mdi6.key-variant; car: mdi6.car-side car; fish
house: house home home-3; tree: tree phosphor.tree; umbrella; airplane: plane airplane; crown: crown vip-crown
bell: bell remix.notification; anchor; flag; leaf; cat; bird: crow bird
lightning: fa6.bolt lightning-bolt phosphor.lightning; apple: apple-whole food-apple; rocket
scissors: scissors content-cut; sun: sun white-balance-sunny; horse: horse mdi6.horse-variant
dog: dog mdi6.dog-side; butterfly; fire; hand: hand hand-back-right hand-front-right; cactus; mushroom
guitar: guitar guitar-electric mdi6.guitar-acoustic; skull; bicycle: bicycle bike; bus: bus bus-side; truck
ghost; gift; cup: cup mug-hot coffee; trophy; sword; lamp; robot; snowflake; train; lightbulb
drop: droplet mdi6.water drop; diamond: diamond gem; paw: paw paw-print; hammer; camera; headphones
sailboat: sailboat sail-boat; wrench; knife; book; bed: bed bed-king; glasses; magnet; cow
rabbit: rabbit mdi6.rabbit-variant; balloon: balloon airballoon; tractor; shirt: shirt t-shirt tshirt-crew
pizza: pizza pizza-slice; boot: mdi6.shoe-cowboy shoe-sneaker
hat: hat-cowboy hat-fedora; spider; flower: flower mdi6.flower-tulip
cherry: fruit-cherries; carrot; cake: cake cake-candles cake-variant; mountain; tent
castle; church; lighthouse; bone; eye; brain; tooth; ear: phosphor.ear ear-listen ear-hearing
foot: foot-print shoe-prints footprint; rainbow: rainbow looks; volcano; feather; penguin; owl; elephant; turtle
snail; snake; dolphin; shark; jellyfish; pig: pig mdi6.pig-variant; sheep; frog; dragon; kangaroo; unicorn; bee
bug: bug ladybug; mosquito; worm; shrimp; otter; hippo; dove; donkey; koala; panda; bat; duck
spoon: spoon silverware-spoon; fork: silverware-fork; bowl: bowl-food bowl; bottle: wine-bottle bottle-wine
wine: wine-glass glass-wine wine goblet; pear: fruit-pear; pineapple: fruit-pineapple; grapes: fruit-grapes
watermelon: fruit-watermelon; lemon; egg; cheese; bread: bread-slice; croissant: food-croissant; cookie; candy
cupcake; pretzel; taco; hotdog; burger: burger hamburger; popcorn; corn; chili: pepper-hot chili-hot; peanut
pumpkin; drumstick: drumstick-bite food-drumstick; chair: chair chair-rolling armchair; sofa: couch sofa
table: mdi6.table-furniture; door: door-closed door; window: window-closed-variant window; ladder; bucket; broom
shovel; axe; saw: hand-saw; screwdriver; nail; gear: gear cog settings-3; clock; watch
hourglass: hourglass timer-sand-full; compass; map; globe: globe earth; phone; television: tv television; laptop
keyboard; mouse: computer-mouse mouse; printer; calculator; radio; microphone; telescope; microscope
flashlight: mdi6.flashlight phosphor.flashlight; candle; plug: plug power-plug; battery: battery-full battery
envelope: envelope email mail; newspaper; pencil; pen; paintbrush: paintbrush brush paint-brush; palette; ruler
eraser; paperclip; folder; briefcase; suitcase: suitcase bag-suitcase suitcase-2; backpack: bag-personal; wallet
coin: coin coins; ring; medal; shield; lock; bomb; dice: dice-five dice-5; puzzle: puzzle-piece puzzle
gamepad: gamepad game-controller controller; kite; drum; piano; violin; trumpet; saxophone; basketball
football: fa6.football mdi6.football phosphor.football; soccer ball: futbol soccer remix.football soccer-ball
baseball; volleyball; tennis ball; bowling ball; dumbbell: dumbbell barbell; skateboard; surfboard: surfing
wheelchair; motorcycle: motorcycle motorbike; scooter: scooter moped; ambulance: truck-medical ambulance; taxi
tram; helicopter; submarine; ship: ship ferry; parachute: parachute-box parachute
satellite: fa6.satellite satellite-variant; bench; fence; bridge; factory: industry factory
hospital: fa6.hospital; school: fa6.school; mosque; barn; igloo; city: city buildings; fan; toaster; microwave
kettle; stove; refrigerator: fridge; toilet; bathtub: bath bathtub
shower: fa6.shower mdi6.shower-head phosphor.shower; sink: sink faucet; toothbrush; soap; tie; sock: socks
glove: mitten boxing-glove; vest; sunglasses; lipstick; handbag: handbag purse bag-shopping; baby
person: person human user; snowman; teddy bear; witch hat: hat-wizard wizard-hat
mask: mask masks-theater drama-masks; turkey; palm tree; pine tree: pine-tree tree-evergreen; clover; grass
seedling: seedling sprout; plant: plant potted-plant; wave: fa6.water waves; tornado
arrow: arrow-right arrow-right-bold; cross; triangle; hexagon; pyramid; telephone: phone-classic
megaphone: bullhorn megaphone; whistle; horn: bugle; bullseye: bullseye bullseye-arrow target; thermometer
syringe: syringe needle; pill: capsules pill; stethoscope; bandage; flask; dna; atom; crane; forklift; barrel
box: fa6.box mdi6.package-variant-closed package; basket: basket-shopping basket shopping-basket
cart: cart-shopping cart shopping-cart; stairs; elevator; chess knight; chess queen
bear: remix.bear-smile teddy-bear
"""

COLOURS = {
    "red": (214, 38, 40),
    "orange": (245, 130, 32),
    "yellow": (250, 214, 50),
    "green": (46, 150, 60),
    "turquoise": (64, 206, 196),
    "blue": (36, 84, 200),
    "purple": (124, 50, 160),
    "pink": (246, 150, 190),
    "brown": (125, 75, 38),
    "black": (24, 24, 26),
    "grey": (136, 140, 144),
    "white": (248, 248, 246),
}
SIZES = {"small": (0.22, 0.34), "": (0.42, 0.6), "large": (0.66, 0.82)}  # longer side, in canvas sides
SIDES = {"left": (0.27, 0.5), "right": (0.73, 0.5), "top": (0.5, 0.27), "bottom": (0.5, 0.73), "centre": (0.5, 0.5)}
NUMBERS = {2: "two", 3: "three", 4: "four"}
_IRREGULAR = {
    "fish": "fish", "sheep": "sheep", "shrimp": "shrimp", "leaf": "leaves", "knife": "knives", "wolf": "wolves",
    "mouse": "mice", "tooth": "teeth", "foot": "feet", "person": "people", "scissors": "scissors",
    "glasses": "glasses", "headphones": "headphones", "sunglasses": "sunglasses", "grapes": "grapes", "dice": "dice",
    "dinosaur": "dinosaurs", "lightning": "lightning", "stairs": "stairs",
}  # fmt: skip
_UNCOUNTED = {"scissors", "glasses", "headphones", "sunglasses", "grapes", "lightning", "stairs", "grass"}


@cache
def _names() -> dict[str, tuple[str, ...]]:
    table = {}
    for entry in _NOUNS.replace("\n", ";").split(";"):
        noun, _, names = entry.partition(":")
        if noun.strip():
            table[noun.strip()] = tuple(names.split()) or (noun.strip().replace(" ", "-"),)
    return table


def nouns(count: int | None = None) -> tuple[str, ...]:
    """The nouns of the world, or the first ``count`` of them."""
    return tuple(_names())[:count]


@cache
def glyphs_of(noun: str, fonts: tuple[str, ...] = TRAINED_FONTS) -> tuple[Glyph, ...]:
    """The filled glyphs that show a noun in those fonts, one style each; empty if they have none."""
    found = {}
    for font in fonts:
        for name in _names()[noun]:
            where, dot, rest = name.rpartition(".")
            glyph = filled_glyph(rest, font) if not dot or where == font else None
            if glyph is not None:
                found[font, glyph.codepoint] = glyph
    return tuple(found.values())


def plural(noun: str) -> str:
    """The plural of a noun.

    >>> plural("fish"), plural("cherry"), plural("bus"), plural("leaf"), plural("tennis ball")
    ('fish', 'cherries', 'buses', 'leaves', 'tennis balls')
    """
    if noun in _IRREGULAR:
        return _IRREGULAR[noun]
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")


def with_article(words: str) -> str:
    """A noun, with words before it or not, after its article.

    >>> with_article("red apple"), with_article("orange key"), with_article("scissors")
    ('a red apple', 'an orange key', 'scissors')
    """
    if words.split()[-1] in _UNCOUNTED:
        return words
    return ("an " if words[0] in "aeiou" and not words.startswith("uni") else "a ") + words
