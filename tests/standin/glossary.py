# SPDX-License-Identifier: ISC
"""Words of the art trade in six languages, and sentence templates of the stand-in's entries.

Enough that a translated entry of the sample sale is recognisably French or German; no more.
"""
LANGUAGES = ("fr", "de", "it", "es", "nl")

# English | fr | de | it | es | nl.
TABLE = """
on|sur|auf|su|sobre|op
and|et|und|e|y|en
with|avec|mit|con|con|met
after|d’après|nach|da|según|naar
circa|vers|um|circa|hacia|circa
early|début du|frühes|inizio|principios del|begin
late|fin du|spätes|fine|finales del|eind
century|siècle|Jahrhundert|secolo|siglo|eeuw
verso|verso|verso|verso|verso|verso
published|publié|veröffentlicht|pubblicato|publicado|uitgegeven
exhibited|exposé|ausgestellt|esposto|expuesto|tentoongesteld
printed|imprimé|gedruckt|stampato|impreso|gedrukt
reproduced|reproduit|reproduziert|riprodotto|reproducido|gereproduceerd
engraved by|gravé par|gestochen von|inciso da|grabado por|gegraveerd door
attributed to|attribué à|zugeschrieben|attribuito a|atribuido a|toegeschreven aan
studio of|atelier de|Werkstatt des|bottega di|taller de|atelier van
circle of|entourage de|Umkreis des|cerchia di|círculo de|omgeving van
follower of|suiveur de|Nachfolger des|seguace di|seguidor de|navolger van
manner of|à la manière de|in der Art des|alla maniera di|a la manera de|in de trant van
support|support|Bildträger|supporto|soporte|drager
frame|cadre|Rahmen|cornice|marco|lijst
image|image|Darstellung|immagine|imagen|voorstelling
object|objet|Objekt|oggetto|objeto|object
mount|montage|Passepartout|montatura|montaje|opzet
overall|hors tout|Gesamtmaß|ingombro|total|totaal
each|chacun|je|ciascuno|cada uno|elk
unconfirmed|non confirmé|unbestätigt|non confermato|sin confirmar|niet bevestigd
date inscribed|date inscrite|Datum bezeichnet|data iscritta|fecha inscrita|datum opgeschreven
signed|signé|signiert|firmato|firmado|gesigneerd
dated|daté|datiert|datato|fechado|gedateerd
graphite|graphite|Graphit|grafite|grafito|grafiet
paper|papier|Papier|carta|papel|papier
papers|papiers|Papiere|carte|papeles|papieren
watercolour|aquarelle|Aquarell|acquerello|acuarela|aquarel
oil|huile|Öl|olio|óleo|olieverf
oil paint|peinture à l’huile|Ölfarbe|pittura a olio|pintura al óleo|olieverf
oil paint on canvas|huile sur toile|Öl auf Leinwand|olio su tela|óleo sobre lienzo|olieverf op doek
oil on canvas|huile sur toile|Öl auf Leinwand|olio su tela|óleo sobre lienzo|olieverf op doek
oil paint on paper|huile sur papier|Öl auf Papier|olio su carta|óleo sobre papel|olieverf op papier
oil paint on wood|huile sur bois|Öl auf Holz|olio su tavola|óleo sobre tabla|olieverf op paneel
oil paint on board|huile sur carton|Öl auf Karton|olio su cartone|óleo sobre cartón|olieverf op board
acrylic paint|peinture acrylique|Acrylfarbe|pittura acrilica|pintura acrílica|acrylverf
acrylic|acrylique|Acryl|acrilico|acrílico|acryl
paint|peinture|Farbe|pittura|pintura|verf
painted|peint|bemalt|dipinto|pintado|geschilderd
cellulose paint|peinture cellulosique|Zelluloselack|vernice alla nitrocellulosa|pintura celulósica|celluloseverf
household paint|peinture du bâtiment|Haushaltsfarbe|vernice domestica|pintura doméstica|huisverf
canvas|toile|Leinwand|tela|lienzo|doek
canvases|toiles|Leinwände|tele|lienzos|doeken
board|carton|Karton|cartone|cartón|board
panel|panneau|Holztafel|tavola|tabla|paneel
cardboard|carton|Pappe|cartone|cartón|karton
wood|bois|Holz|legno|madera|hout
wooden|en bois|hölzern|in legno|de madera|houten
plywood|contreplaqué|Sperrholz|compensato|contrachapado|multiplex
ink|encre|Tusche|inchiostro|tinta|inkt
pen|plume|Feder|penna|pluma|pen
pen and ink|plume et encre|Feder und Tusche|penna e inchiostro|pluma y tinta|pen en inkt
brush|pinceau|Pinsel|pennello|pincel|penseel
wash|lavis|Lavierung|acquerellatura|aguada|wassing
chalk|craie|Kreide|gesso|tiza|krijt
crayon|crayon gras|Farbstift|pastello a cera|lápiz de cera|kleurkrijt
pastel|pastel|Pastell|pastello|pastel|pastel
charcoal|fusain|Kohle|carboncino|carboncillo|houtskool
gouache|gouache|Gouache|guazzo|aguada|gouache
bodycolour|gouache|Deckfarbe|guazzo|aguada|dekverf
lithograph|lithographie|Lithografie|litografia|litografía|lithografie
screenprint|sérigraphie|Siebdruck|serigrafia|serigrafía|zeefdruk
silkscreen|sérigraphie|Siebdruck|serigrafia|serigrafía|zeefdruk
etching|eau-forte|Radierung|acquaforte|aguafuerte|ets
engraving|gravure|Stich|incisione|grabado|gravure
line engraving|gravure au burin|Linienstich|incisione a bulino|grabado a buril|lijngravure
wood engraving|gravure sur bois debout|Holzstich|xilografia di testa|grabado en madera|houtgravure
mezzotint|manière noire|Mezzotinto|mezzotinto|media tinta|mezzotint
aquatint|aquatinte|Aquatinta|acquatinta|aguatinta|aquatint
drypoint|pointe sèche|Kaltnadel|puntasecca|punta seca|droge naald
woodcut|gravure sur bois|Holzschnitt|xilografia|xilografía|houtsnede
linocut|linogravure|Linolschnitt|linoleografia|linograbado|linosnede
monotype|monotype|Monotypie|monotipo|monotipo|monotype
print|estampe|Druck|stampa|estampa|prent
intaglio print|estampe en taille-douce|Tiefdruck|stampa calcografica|estampa calcográfica|diepdruk
relief print|estampe en relief|Hochdruck|stampa a rilievo|estampa en relieve|hoogdruk
digital print|impression numérique|Digitaldruck|stampa digitale|impresión digital|digitale print
gelatin silver print|épreuve gélatino-argentique|Silbergelatineabzug|stampa ai sali d’argento|copia en gelatina de plata|gelatinezilverdruk
gelatine silver print|épreuve gélatino-argentique|Silbergelatineabzug|stampa ai sali d’argento|copia en gelatina de plata|gelatinezilverdruk
photograph|photographie|Fotografie|fotografia|fotografía|foto
photographs|photographies|Fotografien|fotografie|fotografías|foto’s
copper plate|plaque de cuivre|Kupferplatte|lastra di rame|plancha de cobre|koperplaat
copper|cuivre|Kupfer|rame|cobre|koper
bronze|bronze|Bronze|bronzo|bronce|brons
marble|marbre|Marmor|marmo|mármol|marmer
plaster|plâtre|Gips|gesso|yeso|gips
alabaster|albâtre|Alabaster|alabastro|alabastro|albast
limestone|calcaire|Kalkstein|calcare|caliza|kalksteen
stone|pierre|Stein|pietra|piedra|steen
steel|acier|Stahl|acciaio|acero|staal
metal|métal|Metall|metallo|metal|metaal
aluminium|aluminium|Aluminium|alluminio|aluminio|aluminium
lead|plomb|Blei|piombo|plomo|lood
plastic|matière plastique|Kunststoff|plastica|plástico|kunststof
perspex|Perspex|Plexiglas|perspex|perspex|perspex
resin|résine|Harz|resina|resina|hars
rubber|caoutchouc|Gummi|gomma|caucho|rubber
fabric|tissu|Stoff|tessuto|tela|textiel
wax|cire|Wachs|cera|cera|was
silver|argent|Silber|argento|plata|zilver
gold|or|Gold|oro|oro|goud
porcelain|porcelaine|Porzellan|porcellana|porcelana|porselein
mahogany|acajou|Mahagoni|mogano|caoba|mahonie
oak|chêne|Eiche|quercia|roble|eiken
walnut|noyer|Nussbaum|noce|nogal|noten
mixed media|technique mixte|Mischtechnik|tecnica mista|técnica mixta|gemengde techniek
mounted|monté|aufgezogen|montato|montado|gemonteerd
colour|couleur|Farbe|colore|color|kleur
black|noir|schwarz|nero|negro|zwart
white|blanc|weiß|bianco|blanco|wit
paintings|peintures|Gemälde|dipinti|pinturas|schilderijen
works on paper|œuvres sur papier|Arbeiten auf Papier|opere su carta|obras sobre papel|werken op papier
prints and multiples|estampes et multiples|Druckgrafik und Multiples|stampe e multipli|estampas y múltiples|prenten en multiples
sculpture|sculpture|Skulptur|scultura|escultura|beeldhouwkunst
furniture|mobilier|Möbel|mobili|mobiliario|meubelen
ceramics|céramique|Keramik|ceramica|cerámica|keramiek
jewellery|bijoux|Schmuck|gioielli|joyería|juwelen
books and manuscripts|livres et manuscrits|Bücher und Handschriften|libri e manoscritti|libros y manuscritos|boeken en handschriften
collectables|objets de collection|Sammlerobjekte|oggetti da collezione|objetos de colección|verzamelobjecten
hallmark|poinçon|Punze|punzone|contraste|keurmerk
worn|usé|berieben|consumato|gastado|sleets
foxing|rousseurs|Stockflecken|fioriture|moteado|roestvlekken
light|léger|leicht|leggero|ligero|licht
good condition|bon état|guter Zustand|buone condizioni|buen estado|goede staat
chips|éclats|Bestoßungen|sbeccature|desconchones|chips
cracks|fêlures|Risse|crepe|grietas|barsten
teapot|théière|Teekanne|teiera|tetera|theepot
head|tête|Kopf|testa|cabeza|hoofd
landscape|paysage|Landschaft|paesaggio|paisaje|landschap
untitled|sans titre|ohne Titel|senza titolo|sin título|zonder titel
blank|page blanche|leer|bianco|en blanco|blanco
title not known|titre inconnu|Titel unbekannt|titolo sconosciuto|título desconocido|titel onbekend
trees at hampstead|Arbres à Hampstead|Bäume in Hampstead|Alberi a Hampstead|Árboles en Hampstead|Bomen in Hampstead
the battle of camperdown|La Bataille de Camperdown|Die Seeschlacht bei Kamperduin|La battaglia di Camperdown|La batalla de Camperdown|De Zeeslag bij Kamperduin
making guns: the great hammer|La Fabrication des canons : le grand marteau-pilon|Kanonenbau: Der große Hammer|La fabbricazione dei cannoni: il grande maglio|La fabricación de cañones: el gran martillo|Kanonnen maken: de grote hamer
elephant skull plate xx|Crâne d’éléphant, planche XX|Elefantenschädel, Blatt XX|Cranio di elefante, tavola XX|Cráneo de elefante, lámina XX|Olifantenschedel, plaat XX
model for ‘torsion’|Maquette pour « Torsion »|Modell für „Torsion“|Modello per «Torsion»|Maqueta para «Torsion»|Model voor ‘Torsion’
draped nude|Nu drapé|Drapierter Akt|Nudo drappeggiato|Desnudo drapeado|Gedrapeerd naakt
naples: buildings on a cliff top|Naples : bâtiments au sommet d’une falaise|Neapel: Gebäude auf einer Klippe|Napoli: edifici in cima a una scogliera|Nápoles: edificios en lo alto de un acantilado|Napels: gebouwen op een klif
dartmouth castle, on the river dart, engraved by t. lupton|Le château de Dartmouth, sur la Dart, gravé par T. Lupton|Dartmouth Castle am Fluss Dart, gestochen von T. Lupton|Il castello di Dartmouth, sul fiume Dart, inciso da T. Lupton|El castillo de Dartmouth, sobre el río Dart, grabado por T. Lupton|Dartmouth Castle, aan de rivier de Dart, gegraveerd door T. Lupton
figure for landscape|Figure pour un paysage|Figur für eine Landschaft|Figura per un paesaggio|Figura para un paisaje|Figuur voor een landschap
a figure bowing before a seated old man with his arm outstretched in benediction. verso: indecipherable sketch|Figure s’inclinant devant un vieillard assis, le bras tendu en bénédiction. Verso : esquisse indéchiffrable|Eine Gestalt verneigt sich vor einem sitzenden alten Mann mit segnend ausgestrecktem Arm. Verso: unleserliche Skizze|Figura che si inchina davanti a un vecchio seduto col braccio teso in benedizione. Verso: schizzo indecifrabile|Figura que se inclina ante un anciano sentado con el brazo extendido en bendición. Verso: boceto indescifrable|Figuur die buigt voor een zittende oude man met zegenend uitgestrekte arm. Verso: onleesbare schets
giants at play|Géants au jeu|Spielende Riesen|Giganti che giocano|Gigantes jugando|Spelende reuzen
wooded landscape with figures and cows at a watering place (the watering place)|Paysage boisé avec figures et vaches à l’abreuvoir (L’Abreuvoir)|Waldlandschaft mit Figuren und Kühen an der Tränke (Die Tränke)|Paesaggio boscoso con figure e mucche all’abbeveratoio (L’abbeveratoio)|Paisaje boscoso con figuras y vacas en el abrevadero (El abrevadero)|Boslandschap met figuren en koeien bij een drinkplaats (De drinkplaats)
athens, with the acropolis in middle distance|Athènes, avec l’Acropole au second plan|Athen, mit der Akropolis im Mittelgrund|Atene, con l’Acropoli in secondo piano|Atenas, con la Acrópolis a media distancia|Athene, met de Akropolis in het middenplan
transparency, astronaut seat c|Transparence, siège d’astronaute C|Transparenz, Astronautensitz C|Trasparenza, sedile d’astronauta C|Transparencia, asiento de astronauta C|Transparant, astronautenstoel C
*2. collection of the principal variations of the human features: chin; eye-brow; eye|*2. Recueil des principales variations des traits humains : menton ; sourcil ; œil|*2. Sammlung der hauptsächlichen Abwandlungen der menschlichen Gesichtszüge: Kinn; Augenbraue; Auge|*2. Raccolta delle principali variazioni dei tratti umani: mento; sopracciglio; occhio|*2. Colección de las principales variaciones de los rasgos humanos: mentón; ceja; ojo|*2. Verzameling van de voornaamste variaties van de menselijke trekken: kin; wenkbrauw; oog
a stag hunt|Une chasse au cerf|Eine Hirschjagd|Una caccia al cervo|Una cacería de ciervos|Een hertenjacht
"""

# A pattern of an English sentence, and its form in each language.  {0} is the group as it is,
# {0!t} the group translated by the table.
SENTENCES = (
    (r"A work by (.+)\.", ("Œuvre de {0}.", "Werk von {0}.", "Opera di {0}.", "Obra de {0}.",
                           "Werk van {0}.")),
    (r"A work after (.+)\.", ("Œuvre d’après {0}.", "Werk nach {0}.", "Opera da {0}.",
                              "Obra según {0}.", "Werk naar {0}.")),
    (r"Dated (.+)\.", ("Date : {0!t}.", "Datiert {0!t}.", "Datato {0!t}.", "Fechado: {0!t}.",
                       "Gedateerd {0!t}.")),
    (r"Inscription: (.+)\.", ("Inscription : {0!t}.", "Bezeichnung: {0!t}.",
                              "Iscrizione: {0!t}.", "Inscripción: {0!t}.",
                              "Opschrift: {0!t}.")),
    (r"Dimensions: (.+)\.", ("Dimensions : {0!t}.", "Maße: {0!t}.", "Dimensioni: {0!t}.",
                             "Medidas: {0!t}.", "Afmetingen: {0!t}.")),
    (r"Described from one photograph\.",
     ("Décrit d’après une photographie.", "Beschrieben nach einer Fotografie.",
      "Descritto da una fotografia.", "Descrito a partir de una fotografía.",
      "Beschreven naar één foto.")),
    (r"Described from (\d+) photographs\.",
     ("Décrit d’après {0} photographies.", "Beschrieben nach {0} Fotografien.",
      "Descritto da {0} fotografie.", "Descrito a partir de {0} fotografías.",
      "Beschreven naar {0} foto’s.")),
    (r"Described from its title alone\.",
     ("Décrit d’après son seul titre.", "Nur nach dem Titel beschrieben.",
      "Descritto dal solo titolo.", "Descrito solo a partir de su título.",
      "Alleen naar de titel beschreven.")),
)


def tables():
    """{language: {english in lower case: word}}"""
    made = {language: {} for language in LANGUAGES}
    for row in TABLE.strip().split("\n"):
        english, *words = row.split("|")
        for language, word in zip(LANGUAGES, words):
            made[language][english] = word
    return made
