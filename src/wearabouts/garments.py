"""The words of the shipped model: garment kinds and attributes, and the table that maps a shop's own words to them.

A shop's category words are never changed (`Product.category`); beside them stands `garment`, one of `GARMENTS`, mapped
from the feed by the table here or predicted from the photo.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

GARMENTS: tuple[str, ...] = (
    "t_shirt",
    "longsleeve",
    "shirt",
    "polo",
    "blouse",
    "top",
    "undershirt",
    "body",
    "hoodie",
    "outwear",
    "blazer",
    "dress",
    "skirt",
    "pants",
    "shorts",
    "shoes",
    "hat",
)

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "color": (
        "black",
        "white",
        "grey",
        "red",
        "orange",
        "yellow",
        "green",
        "blue",
        "navy",
        "purple",
        "pink",
        "brown",
        "beige",
    ),
    "pattern": ("plain", "striped", "checked", "dotted", "floral", "graphic", "other"),
    "sleeve": ("none", "sleeveless", "short", "three_quarter", "long"),
    "collar": ("none", "round", "v_neck", "shirt_collar", "lapel", "hood", "high_neck"),
    "length": ("short", "middle", "long"),
}

# The label of the clothing set → the garment of the model. "Other", "Not sure" and "Skip" name no garment.
GARMENT_OF_LABEL: dict[str, str] = {
    "T-Shirt": "t_shirt",
    "Longsleeve": "longsleeve",
    "Shirt": "shirt",
    "Polo": "polo",
    "Blouse": "blouse",
    "Top": "top",
    "Undershirt": "undershirt",
    "Body": "body",
    "Hoodie": "hoodie",
    "Outwear": "outwear",
    "Blazer": "blazer",
    "Dress": "dress",
    "Skirt": "skirt",
    "Pants": "pants",
    "Shorts": "shorts",
    "Shoes": "shoes",
    "Hat": "hat",
}

# The table from shop words to garments: singular and plural, English, German, French, Spanish. A word may be a phrase;
# longer ones win. What stands nowhere here maps to nothing, and the model decides from the photo.
SHOP_WORDS: dict[str, tuple[str, ...]] = {
    "t_shirt": ("t shirt", "t shirts", "tshirt", "tshirts", "tee", "tees", "tee shirt", "tee shirts", "graphic tee",
                "short sleeve top", "camiseta", "camisetas", "playera", "playeras", "kurzarmshirt",
                "t shirt manches courtes"),
    "longsleeve": ("longsleeve", "longsleeves", "long sleeve", "long sleeves", "long sleeve tee",
                   "long sleeve tees", "long sleeve top", "long sleeve tops", "long sleeve t shirt",
                   "long sleeve t shirts", "long sleeved top", "long sleeved t shirt", "langarmshirt",
                   "langarmshirts", "t shirt manches longues", "camiseta de manga larga"),
    "shirt": ("shirt", "shirts", "dress shirt", "dress shirts", "long sleeve shirt", "long sleeve shirts",
              "short sleeve shirt", "denim shirt", "hemd", "hemden", "chemise", "chemises", "camisa", "camisas"),
    "polo": ("polo", "polos", "polo shirt", "polo shirts", "poloshirt", "poloshirts"),
    "blouse": ("blouse", "blouses", "bluse", "blusen", "chemisier", "chemisiers", "blusa", "blusas"),
    "top": ("top", "tank top", "tank tops", "tank", "tanks", "crop top", "crop tops", "camisole", "camisoles",
            "cami", "tube top", "halter top", "d\u00e9bardeur", "d\u00e9bardeurs"),
    "undershirt": ("undershirt", "undershirts", "unterhemd", "unterhemden", "camiseta interior", "maillot de corps"),
    "body": ("bodysuit", "bodysuits", "baby body", "babybody", "babybodys"),
    "hoodie": ("hoodie", "hoodies", "hoody", "hooded sweatshirt", "hooded sweatshirts", "kapuzenpullover",
               "kapuzenpulli", "kapuzensweatshirt", "sweat \u00e0 capuche", "sweats \u00e0 capuche",
               "sudadera con capucha", "sudaderas con capucha"),
    "outwear": ("outerwear", "outwear", "jacket", "jackets", "coat", "coats", "coats and jackets",
                "jackets and coats", "parka", "parkas", "anorak", "anoraks", "windbreaker", "windbreakers",
                "raincoat", "raincoats", "trench coat", "trench coats", "puffer", "bomber", "jacke", "jacken",
                "mantel", "m\u00e4ntel", "jacken und m\u00e4ntel", "veste", "vestes", "manteau", "manteaux",
                "blouson", "blousons", "chaqueta", "chaquetas", "abrigo", "abrigos", "cazadora", "cazadoras"),
    "blazer": ("blazer", "blazers", "suit jacket", "suit jackets", "sport coat", "sport coats", "sakko", "sakkos",
               "veste de costume", "americana", "americanas"),
    "dress": ("dress", "dresses", "gown", "gowns", "sundress", "sundresses", "shirt dress", "kleid", "kleider",
              "robe", "robes", "vestido", "vestidos"),
    "skirt": ("skirt", "skirts", "miniskirt", "miniskirts", "r\u00f6cke", "jupe", "jupes", "falda", "faldas"),
    "pants": ("pants", "pant", "trousers", "jeans", "chinos", "chino", "leggings", "legging", "joggers",
              "sweatpants", "cargo pants", "track pants", "dress pants", "slacks", "hosen", "jeanshose",
              "jogginghose", "stoffhose", "pantalon", "pantalons", "pantal\u00f3n", "pantalones", "vaqueros",
              "vaquero", "tejanos"),
    "shorts": ("shorts", "short pants", "boardshorts", "bermuda", "bermudas", "bermuda shorts", "kurze hosen",
               "pantalon corto", "pantalones cortos"),
    "shoes": ("shoe", "shoes", "sneaker", "sneakers", "boot", "boots", "sandal", "sandals", "heels", "high heels",
              "high tops", "loafer", "loafers", "pumps", "trainers", "flats", "footwear", "slippers", "flip flops",
              "dress shoes", "schuh", "schuhe", "stiefel", "stiefeletten", "sandalen", "turnschuhe", "chaussure",
              "chaussures", "bottes", "bottines", "sandales", "zapato", "zapatos", "zapatillas", "botas", "botines",
              "sandalias", "calzado"),
    "hat": ("hat", "hats", "cap", "caps", "baseball cap", "baseball caps", "beanie", "beanies", "bucket hat",
            "bucket hats", "fedora", "m\u00fctze", "m\u00fctzen", "h\u00fcte", "chapeau", "chapeaux", "bonnet",
            "bonnets", "casquette", "casquettes", "sombrero", "sombreros", "gorra", "gorras", "gorro", "gorros"),
}  # fmt: skip
# Words that mean a garment only where they are all a category says ("rock" is also music, "hose" also for gardens).
ALONE: dict[str, str] = {
    "body": "body",
    "bodys": "body",
    "rock": "skirt",
    "hose": "pants",
    "hut": "hat",
    "short": "shorts",
}
# German compounds end in their head: Sommerkleid, Lederjacke. Words that only look so are in `UNMAPPED`.
ENDINGS: dict[str, str] = {
    "kleid": "dress", "kleider": "dress", "jacke": "outwear", "jacken": "outwear", "mantel": "outwear",
    "maentel": "outwear",
    "rock": "skirt", "roecke": "skirt", "hose": "pants", "hosen": "pants", "bluse": "blouse", "blusen": "blouse",
    "hemd": "shirt",
    "hemden": "shirt", "schuh": "shoes", "schuhe": "shoes", "stiefel": "shoes", "muetze": "hat", "muetzen": "hat",
}  # fmt: skip
# Known words for what the model has no class for: they keep a neighbouring word from being taken for the thing sold.
UNMAPPED: tuple[str, ...] = (
    "sweater", "sweaters", "sweatshirt", "sweatshirts", "jumper", "jumpers", "pullover", "pullovers", "cardigan",
    "cardigans", "knitwear", "vest", "vests", "gilet", "waistcoat", "suit", "suits", "jumpsuit", "jumpsuits",
    "romper", "rompers", "overalls", "dungarees", "bag", "bags", "backpack", "backpacks", "belt", "belts", "sock",
    "socks", "tights", "stockings", "underwear", "bra", "bras", "briefs", "boxer shorts", "boxers", "panties",
    "lingerie", "pyjama", "pyjamas", "pajamas", "nightwear", "sleepwear", "bathrobe", "bathrobes", "bath robe",
    "night dress", "nightgown", "swimwear", "swimsuit", "bikini", "swim shorts", "scarf", "scarves", "glove",
    "gloves", "tie", "ties", "watch", "watches", "jewelry", "jewellery", "sunglasses", "wallet", "wallets", "cape",
    "poncho", "shoe care", "shoelaces", "insoles", "lotion", "cream", "garden", "bath", "cap sleeve", "shawl",
    "saree", "sarees", "kurta", "kurtas", "strumpfhose", "strumpfhosen", "unterhose", "unterhosen", "badehose",
    "badehosen", "nachthemd", "nachthemden", "barock", "latzhose", "handschuh", "handschuhe", "schlafanzug",
    "tasche", "taschen", "guertel", "socken", "schal", "anzug", "sac", "sacs", "ceinture", "chaussettes", "echarpe",
    "costume", "pull", "gants", "bolso", "bolsos", "cinturon", "calcetines", "bufanda", "traje", "jersey",
    "sudadera", "guantes",
)  # fmt: skip
# Shelves of many kinds: with one of these in it, a category says nothing and the title decides.
VAGUE: tuple[str, ...] = ("tops", "bottoms", "topwear", "bottomwear", "oberteile", "hauts", "bas", "partes de arriba")
# What a shelf holds beside its own word: a T-shirt on the shelf "Tops" is no contradiction, and the title is the finer
# word.
SHELVES: dict[str, tuple[str, ...]] = {
    "top": ("t_shirt", "longsleeve", "shirt", "polo", "blouse", "undershirt", "body", "hoodie"),
    "shirt": ("t_shirt", "longsleeve", "polo", "blouse"),
    "t_shirt": ("longsleeve", "polo", "top", "undershirt"),
    "blouse": ("shirt", "top"),
    "outwear": ("blazer",),
    "pants": ("shorts",),
}


def garment_of(category: str, title: str = "") -> str:
    """The garment that a shop's own words say, or empty where they are silent or contradict each other.

    The last part of the category that says anything counts, then the title. A finer word in the title wins over a
    shelf's word (`SHELVES`); any other disagreement gives nothing.

    Args:
        category: The shop's category, such as ``Women > Tops > Jackets``.
        title: The product's title.
    """
    parts = reversed(_PARTS.split(category[: 4 * _MAX_LENGTH]))
    said = (_said(part[:_MAX_LENGTH], alone=True) for part in parts)
    shelf = next((found for found in said if found is not None), None)
    named = _said(title[:_MAX_LENGTH], alone=False)
    if shelf is None or shelf == named:
        return named or ""
    if not named or not shelf:
        return shelf if named is None else ""
    return named if named in SHELVES.get(shelf, ()) else ""


_PARTS = re.compile(r"\s*(?:>|/|\||»|›|;|,(?=\s))\s*")
_JOINED = re.compile(r"\s(?:and|und|et|y|or|oder|ou|o|plus)\s|[&+,]")
_ADDED = re.compile(r"\s(?:with|without|w|for|from|mit|ohne|f[uü]r|avec|sans|pour|con|sin|para)\s|[(\[]")
_MAX_WORDS = 40
_MAX_LENGTH = 400  # characters of a category or title that are read
_MANY = "?"


@lru_cache(maxsize=4_096)  # a shop has few categories and many products
def _said(words: str, *, alone: bool) -> str | None:
    """The garment that a phrase names; empty for something else or several things, None where it names nothing.

    With `alone` the phrase is a shelf: several things on it say nothing of the product.
    """
    plain = _folded(words)
    if alone and plain in ALONE:
        return ALONE[plain]
    if _TABLE.get(plain, _MANY) != _MANY:
        return _TABLE[plain]
    heads = {head for part in _JOINED.split(" " + _spaced(words) + " ") if (head := _head(_folded(part))) is not None}
    if _MANY in heads or (alone and len(heads) > 1):
        return None
    return heads.pop() if len(heads) == 1 else ("" if heads else None)


def _spaced(words: str) -> str:
    cut = _ADDED.split(words.casefold(), maxsplit=1)[0]
    return re.sub(r"\s+", " ", cut)


def _head(words: str) -> str | None:
    """The thing a noun phrase names: its last known word, but the first where that is a word of French or Spanish."""
    found: list[tuple[str, str]] = []
    parts, start = words.split()[:_MAX_WORDS], 0
    while start < len(parts):
        for length in range(min(4, len(parts) - start), 0, -1):
            phrase = " ".join(parts[start : start + length])
            garment = _TABLE.get(phrase, _compound(phrase) if length == 1 else None)
            if garment is not None:
                found.append((phrase, garment))
                start += length - 1
                break
        start += 1
    if not found:
        return None
    return found[0][1] if found[0][0] in _HEAD_FIRST else found[-1][1]


def _compound(word: str) -> str | None:
    for length in range(len(word) - 3, 2, -1):
        if (garment := ENDINGS.get(word[-length:])) is not None:
            return garment
    return None


def _folded(words: str) -> str:
    """Lower case, umlauts written out, other accents dropped, everything but letters and digits a space."""
    low = words.casefold().replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", low) if not unicodedata.combining(sign))
    return " ".join(re.sub(r"[^a-z0-9]+", " ", bare).split())


_TABLE: dict[str, str] = {
    **{_folded(word): "" for word in UNMAPPED},
    **{_folded(word): _MANY for word in VAGUE},
    **{_folded(word): garment for garment, words in SHOP_WORDS.items() for word in words},
}
_HEAD_FIRST = frozenset(
    _folded(word)
    for word in re.findall(
        r"\w+",
        """
        chemise chemisier débardeur sweat veste manteau blouson robe jupe pantalon chaussures bottes bottines
        chapeau bonnet casquette camiseta camisa blusa sudadera chaqueta abrigo cazadora americana vestido
        falda vaqueros pantalón pantalones zapatos zapatillas botas sandalias sombrero gorra gorro
        """,
    )
)
