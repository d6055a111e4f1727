/* SPDX-License-Identifier: Apache-2.0 */
#include "privacy/names_known.h"

#include <pthread.h>

/* Names that many private people bear as well (Will Smith, Michael Jordan) stand here on purpose not. */
static const char *const names[] = {
    /* clang-format off */
    "Abraham Lincoln", "Ada Lovelace", "Adolf Hitler", "Agatha Christie", "Alan Turing",
    "Albert Camus", "Albert Einstein", "Alexander Fleming", "Alexander Graham Bell",
    "Alexander Hamilton", "Alexander Pushkin", "Alexander the Great", "Alfred Hitchcock",
    "Alfred Nobel", "Amelia Earhart", "Amy Winehouse", "Anders Celsius", "Andy Warhol",
    "Angela Merkel", "Angelina Jolie", "Anne Frank", "Anton Chekhov", "Antonio Vivaldi",
    "Archimedes", "Ariana Grande", "Aristotle", "Arnold Schwarzenegger", "Arthur Conan Doyle",
    "Arthur Schopenhauer", "Audrey Hepburn", "Barack Obama", "Beethoven", "Benito Mussolini",
    "Benjamin Franklin", "Bernhard Riemann", "Bertrand Russell", "Beyoncé", "Bill Clinton",
    "Bill Gates", "Billie Eilish", "Blaise Pascal", "Bob Dylan", "Bob Marley", "Boris Johnson",
    "Brad Pitt", "Britney Spears", "Bruce Lee", "Bruce Springsteen", "Buddha",
    "Carl Friedrich Gauss", "Carl Jung", "Carl Sagan", "Catherine the Great", "Cervantes",
    "Charlemagne", "Charles Babbage", "Charles Darwin", "Charles de Gaulle", "Charles Dickens",
    "Charlie Chaplin", "Che Guevara", "Chopin", "Christopher Columbus", "Christopher Nolan",
    "Cicero", "Cinderella", "Claude Debussy", "Claude Monet", "Claude Shannon", "Cleopatra",
    "Clint Eastwood", "Coco Chanel", "Confucius", "Copernicus", "Cristiano Ronaldo",
    "Dalai Lama", "Dante Alighieri", "Darth Vader", "David Attenborough", "David Beckham",
    "David Bowie", "David Hilbert", "David Hume", "Deng Xiaoping", "Dennis Ritchie", "Descartes",
    "Diego Maradona", "Dmitri Mendeleev", "Dolly Parton", "Don Quixote", "Donald Knuth",
    "Donald Trump", "Dostoevsky", "Dr Seuss", "Dr. Seuss", "Dumbledore", "Ed Sheeran",
    "Edgar Allan Poe", "Edsger Dijkstra", "Edvard Munch", "Einstein", "Eleanor Roosevelt",
    "Elon Musk", "Elton John", "Elvis Presley", "Emily Brontë",
    "Emily Dickinson", "Eminem", "Emmanuel Macron", "Enrico Fermi", "Ernest Hemingway",
    "Ernest Rutherford", "Erwin Schrödinger", "Euclid", "Euler", "Eva Perón",
    "F. Scott Fitzgerald", "Ferdinand Magellan", "Fidel Castro", "Florence Nightingale",
    "Francis Ford Coppola", "Frank Lloyd Wright", "Frank Sinatra", "Franklin D. Roosevelt",
    "Franz Kafka", "Franz Schubert", "Freddie Mercury", "Frida Kahlo", "Friedrich Engels",
    "Friedrich Nietzsche", "Frodo", "Frédéric Chopin", "Fyodor Dostoevsky",
    "Gabriel García Márquez", "Galileo Galilei", "Gandalf", "Gandhi", "Garry Kasparov",
    "Genghis Khan", "Geoffrey Chaucer", "Geoffrey Hinton", "Georg Cantor",
    "Georg Friedrich Händel", "George Bernard Shaw", "George Bush", "George Clooney",
    "George Lucas", "George Orwell", "George W. Bush", "George Washington", "Giuseppe Garibaldi",
    "Giuseppe Verdi", "Goethe", "Gottfried Leibniz", "Grace Hopper", "Greta Thunberg",
    "Guido van Rossum", "Gustav Klimt", "Gustav Mahler", "Gustave Eiffel", "Guy Fawkes",
    "Hans Christian Andersen", "Harper Lee", "Harry Potter", "Harry Truman", "Hegel",
    "Heinrich Heine", "Heisenberg", "Henri Matisse", "Henri Poincaré", "Henry Ford",
    "Henry Kissinger", "Henry VIII", "Herman Melville", "Hermione Granger", "Herodotus",
    "Hillary Clinton", "Hippocrates", "Hitler", "Ho Chi Minh", "Honoré de Balzac", "Ibn Sina",
    "Igor Stravinsky", "Immanuel Kant", "Indira Gandhi", "Ingmar Bergman", "Isaac Asimov",
    "Isaac Newton", "J. K. Rowling", "J. R. R. Tolkien", "J. Robert Oppenheimer", "J. S. Bach",
    "Jack the Ripper", "James Bond", "James Cameron", "James Clerk Maxwell", "James Joyce",
    "Jane Austen", "Jane Goodall", "Jay-Z", "Jean-Jacques Rousseau", "Jean-Paul Sartre",
    "Jeff Bezos", "Jennifer Lawrence", "Jennifer Lopez", "Jesus Christ", "Jimi Hendrix",
    "Jimmy Carter", "Joan of Arc", "Joe Biden", "Johann Sebastian Bach", "Johann Strauss",
    "Johann Wolfgang von Goethe", "Johannes Brahms", "Johannes Gutenberg", "Johannes Kepler",
    "Johannes Vermeer", "John Coltrane", "John F. Kennedy", "John Lennon", "John Locke",
    "John Maynard Keynes", "John Milton", "John Steinbeck", "John the Baptist",
    "John von Neumann", "Johnny Cash", "Johnny Depp", "Jorge Luis Borges", "Josef Stalin",
    "Joseph Stalin", "Jules Verne", "Julia Roberts", "Julius Caesar", "Justin Bieber", "Kafka",
    "Kamala Harris", "Kanye West", "Karl Marx", "Katy Perry", "Ken Thompson", "Kim Jong Un",
    "Kim Kardashian", "King Arthur", "King David", "King Tut", "Kublai Khan", "Kurt Cobain",
    "Kurt Gödel", "Lady Gaga", "Larry Page", "Le Corbusier", "LeBron James", "Lenin",
    "Leo Tolstoy", "Leonard Bernstein", "Leonard Cohen", "Leonardo da Vinci",
    "Leonardo DiCaprio", "Leonhard Euler", "Lev Tolstoy", "Lewis Carroll", "Lin-Manuel Miranda",
    "Linus Torvalds", "Lionel Messi", "Lord Byron", "Louis Armstrong", "Louis Pasteur",
    "Louis XIV", "Ludwig van Beethoven", "Ludwig Wittgenstein", "Luke Skywalker", "Macbeth",
    "Machiavelli", "Mahatma Gandhi", "Malcolm X", "Mao Zedong", "Marc Chagall", "Marcel Proust",
    "Marco Polo", "Marcus Aurelius", "Margaret Atwood", "Margaret Thatcher", "Maria Callas",
    "Maria Montessori", "Marie Antoinette", "Marie Curie", "Marilyn Monroe", "Mario Puzo",
    "Mark Twain", "Mark Zuckerberg", "Marlon Brando", "Martin Heidegger", "Martin Luther",
    "Martin Luther King", "Martin Luther King Jr", "Martin Scorsese", "Max Planck",
    "Meryl Streep", "Michael Faraday", "Michael Jackson", "Michelangelo", "Michelle Obama",
    "Mickey Mouse", "Miguel de Cervantes", "Mikhail Gorbachev", "Miles Davis", "Mohammed Ali",
    "Molière", "Montesquieu", "Morgan Freeman", "Mother Teresa", "Mozart", "Muhammad Ali",
    "Napoleon", "Napoleon Bonaparte", "Narendra Modi", "Neil Armstrong", "Nelson Mandela",
    "Niccolò Machiavelli", "Nicolaus Copernicus", "Niels Bohr", "Nietzsche", "Nikola Tesla",
    "Noam Chomsky", "Odysseus", "Olaf Scholz", "Oprah Winfrey", "Oscar Wilde",
    "Otto von Bismarck", "Pablo Escobar", "Pablo Neruda", "Pablo Picasso", "Paul Cézanne",
    "Paul Dirac", "Paul Erdős", "Paul McCartney", "Pelé", "Peter Pan", "Peter Tchaikovsky",
    "Picasso", "Plato", "Pope Francis", "Pyotr Ilyich Tchaikovsky", "Pythagoras",
    "Queen Elizabeth", "Queen Elizabeth II", "Queen Victoria", "Quentin Tarantino",
    "Rabindranath Tagore", "Rachmaninoff", "Ray Charles", "Rembrandt", "René Descartes",
    "Richard Dawkins", "Richard Feynman", "Richard Nixon", "Richard Stallman", "Richard Wagner",
    "Rihanna", "Roald Dahl", "Robert De Niro", "Robert Oppenheimer", "Robert Schumann",
    "Robin Hood", "Robin Williams", "Roger Federer", "Ronald Reagan", "Rosa Luxemburg",
    "Rosa Parks", "Saddam Hussein", "Salvador Dalí", "Sam Altman", "Santa Claus",
    "Satoshi Nakamoto", "Scarlett Johansson", "Schopenhauer", "Serena Williams", "Sergey Brin",
    "Shakespeare", "Sherlock Holmes", "Sheryl Sandberg", "Sigmund Freud", "Simone de Beauvoir",
    "Simón Bolívar", "Sir Isaac Newton", "Socrates", "Spider-Man", "Stalin", "Stan Lee",
    "Stanley Kubrick", "Stephen Hawking", "Stephen King", "Steve Jobs", "Steve Wozniak",
    "Steven Spielberg", "Stevie Wonder", "Sun Tzu", "Sylvia Plath", "Søren Kierkegaard",
    "T. S. Eliot", "Taylor Swift", "Tchaikovsky", "Theodore Roosevelt", "Thomas Aquinas",
    "Thomas Edison", "Thomas Hobbes", "Thomas Jefferson", "Tiger Woods", "Tim Berners-Lee",
    "Tim Cook", "Tolkien", "Tolstoy", "Tom Cruise", "Tom Hanks", "Toni Morrison", "Tony Blair",
    "Tupac Shakur", "Tutankhamun", "Umberto Eco", "Usain Bolt", "Van Gogh", "Victor Hugo",
    "Vincent van Gogh", "Virgin Mary", "Virginia Woolf", "Vivaldi", "Vladimir Lenin",
    "Vladimir Nabokov", "Vladimir Putin", "Volodymyr Zelensky", "Voltaire", "Walt Disney",
    "Walt Whitman", "Warren Buffett", "Werner Heisenberg", "Whitney Houston", "William Blake",
    "William Faulkner", "William Shakespeare", "William the Conqueror", "William Wordsworth",
    "Winnie the Pooh", "Winston Churchill", "Wolfgang Amadeus Mozart", "Woodrow Wilson",
    "Woody Allen", "Xi Jinping", "Yoko Ono", "Yuri Gagarin", "Zeus", "Zinedine Zidane",
    /* clang-format on */
};

static const char *const titles[] = {
    "mr",       "mrs",      "ms",       "miss",    "dr",    "doctor",   "prof",     "patient",
    "client",   "customer", "herr",     "frau",    "herrn", "m",        "mme",      "mlle",
    "monsieur", "madame",   "sr",       "sra",     "srta",  "don",      "doña",     "señor",
    "señora",   "sig",      "signor",   "signora", "dott",  "dottor",   "paciente", "patientin",
    "dhr",      "mevr",     "mevrouw",  "meneer",  "pan",   "pani",     "pane",     "gospodin",
    "gospođa",  "г",        "господин", "госпожа", "nurse", "employee", "tenant",   "my",
};

#define SLOTS 2048 /* open addressing, a quarter full */
static_assert(ARRAY_LEN(names) * 3 < SLOTS, "the table must stay sparse");
static uint64_t slots[SLOTS];
static uint64_t title_words[ARRAY_LEN(titles)];

static uint64_t hash_of(const uint64_t *words, int count)
{
    uint64_t h = (uint64_t)count;
    for (int i = 0; i < count; i++) {
        h = (h ^ words[i]) * 0x9E3779B97F4A7C15u;
        h ^= h >> 32;
    }
    return h;
}

static uint64_t *slot_of(uint64_t hash)
{
    size_t at = hash % SLOTS;
    while (slots[at] && slots[at] != hash) {
        at = (at + 1) % SLOTS;
    }
    return &slots[at];
}

static void read_names(void)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct name_token t[12];
        uint64_t words[12];
        int n;
        int count = 0;
        names_tokens(span_c(names[i]), 0, t, ARRAY_LEN(t), &n);
        for (int k = 0; k < n; k++) {
            if (t[k].shape != SHAPE_MARK) {
                words[count++] = t[k].word;
            }
        }
        uint64_t hash = hash_of(words, count);
        *slot_of(hash) = hash;
    }
    for (size_t i = 0; i < ARRAY_LEN(titles); i++) {
        struct name_token t;
        int n;
        names_tokens(span_c(titles[i]), 0, &t, 1, &n);
        title_words[i] = t.word;
    }
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

bool names_well_known(const uint64_t *words, int count)
{
    pthread_once(&once, read_names);
    return *slot_of(hash_of(words, count)) != 0;
}

bool names_is_title(uint64_t word)
{
    pthread_once(&once, read_names);
    for (size_t i = 0; i < ARRAY_LEN(title_words); i++) {
        if (title_words[i] == word) {
            return true;
        }
    }
    return false;
}
