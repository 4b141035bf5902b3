/**
 * The kinds of things a world holds, the facts each kind has, and how a page and a claim put a fact
 * into words. Plain tables: nothing here chooses or draws. `{n}` stands for the name of the thing
 * and `{v}` for the value of the fact.
 */

export type Kind = 'person' | 'town' | 'film' | 'guild' | 'river';

export const kinds: readonly Kind[] = ['person', 'town', 'film', 'guild', 'river'];

export interface Attribute {
  readonly name: string;
  /** A closed list of plausible values, or the kind of thing that is the value. */
  readonly values: readonly string[] | Kind;
  /** Wordings of a page. */
  readonly page: readonly string[];
  /** Wordings of a claim. */
  readonly claim: readonly string[];
  /** Wordings that deny the value or say too much: refuted where the value is true. */
  readonly denial: readonly string[];
}

const list = (line: string): readonly string[] => line.split(' ');

const animals = list('lion wolf bear swan');
const colours = list('red blue green white');
const days = list('Monday Tuesday Friday Sunday');
const decades = list('1810s 1830s 1850s 1870s');
const metals = list('gold silver copper iron');
const trades = list('baker painter sailor teacher');

/** The facts of each kind. Most claims put the value last, some do not. */
export const attributes: Readonly<Record<Kind, readonly Attribute[]>> = {
  person: [
    {
      name: 'trade',
      values: trades,
      page: ['{n} was a {v}.', '{n} worked as a {v}.'],
      claim: [
        '{n} was a {v}.',
        '{n} worked as a {v}.',
        '{n} earned a living as a {v}.',
        'By trade, {n} was a {v}.',
        'The trade of {n} was that of a {v}.',
      ],
      denial: ['{n} was never a {v}.', '{n} refused to work as a {v}.'],
    },
    {
      name: 'birthplace',
      values: 'town',
      page: ['{n} was born in {v}.', '{n} came from {v}.'],
      claim: [
        '{n} was born in {v}.',
        '{n} came from {v}.',
        'The birthplace of {n} is {v}.',
        '{n} grew up in {v}.',
        '{n} was a child of {v}.',
      ],
      denial: ['{n} was not born in {v}.', '{n} never saw {v}.'],
    },
    {
      name: 'birth',
      values: decades,
      page: ['{n} was born in the {v}.', 'The birth of {n} was in the {v}.'],
      claim: [
        '{n} was born in the {v}.',
        'The birth of {n} was in the {v}.',
        '{n} first saw the light in the {v}.',
        'The life of {n} began in the {v}.',
        '{n} was a child of the {v}.',
      ],
      denial: ['{n} was not born in the {v}.', '{n} had died before the {v}.'],
    },
    {
      name: 'instrument',
      values: list('violin flute harp drum'),
      page: ['{n} played the {v}.', '{n} was good at the {v}.'],
      claim: [
        '{n} played the {v}.',
        '{n} was good at the {v}.',
        'The {v} was played by {n}.',
        '{n} gave concerts on the {v}.',
        'The instrument of {n} was the {v}.',
      ],
      denial: ['{n} never played the {v}.', '{n} was unable to play the {v}.'],
    },
    {
      name: 'subject',
      values: list('law music history medicine'),
      page: ['{n} studied {v}.', '{n} took lessons in {v}.'],
      claim: [
        '{n} studied {v}.',
        '{n} took lessons in {v}.',
        'The subject of {n} was {v}.',
        '{n} was a student of {v}.',
        '{n} read books on {v}.',
      ],
      denial: ['{n} never studied {v}.', '{n} studied nothing but {v}.'],
    },
    {
      name: 'pet',
      values: list('dog cat parrot goat'),
      page: ['{n} kept a {v}.', '{n} owned a {v}.'],
      claim: [
        '{n} kept a {v}.',
        '{n} owned a {v}.',
        'The pet of {n} was a {v}.',
        '{n} lived with a {v}.',
        '{n} had a {v} as a pet.',
      ],
      denial: ['{n} never kept a {v}.', '{n} did not own a {v}.'],
    },
    {
      name: 'medal',
      values: metals,
      page: ['{n} won the {v} medal.', '{n} was given the {v} medal.'],
      claim: [
        '{n} won the {v} medal.',
        '{n} was given the {v} medal.',
        'The medal of {n} was of {v}.',
        '{n} received the {v} medal.',
        '{n} wore the {v} medal.',
      ],
      denial: ['{n} did not win the {v} medal.', '{n} only lost the {v} medal.'],
    },
  ],
  town: [
    {
      name: 'product',
      values: list('cheese glass silk salt'),
      page: ['{n} is known for its {v}.', '{n} makes {v}.'],
      claim: [
        '{n} is known for its {v}.',
        '{n} makes {v}.',
        'The town of {n} sells {v}.',
        'The product of {n} is {v}.',
        'People buy {v} in {n}.',
      ],
      denial: ['{n} is not known for its {v}.', '{n} makes nothing but {v}.'],
    },
    {
      name: 'river',
      values: 'river',
      page: ['{n} lies on the {v}.', '{n} is a town on the {v}.'],
      claim: [
        '{n} lies on the {v}.',
        '{n} is a town on the {v}.',
        '{n} is near the {v}.',
        '{n} stands by the {v}.',
        'The river of {n} is the {v}.',
      ],
      denial: ['{n} does not lie on the {v}.', '{n} is far from the {v}.'],
    },
    {
      name: 'founded',
      values: decades,
      page: ['{n} was founded in the {v}.', '{n} dates from the {v}.'],
      claim: [
        '{n} was founded in the {v}.',
        '{n} dates from the {v}.',
        '{n} was built in the {v}.',
        'The founding of {n} was in the {v}.',
        '{n} began in the {v}.',
      ],
      denial: ['{n} was not founded in the {v}.', '{n} was in ruins by the {v}.'],
    },
    {
      name: 'arms',
      values: animals,
      page: ['The arms of {n} show a {v}.', '{n} has a {v} in its arms.'],
      claim: [
        'The arms of {n} show a {v}.',
        '{n} has a {v} in its arms.',
        '{n} chose a {v} for its arms.',
        'There is a {v} in the arms of {n}.',
        'The {v} is the beast of {n}.',
      ],
      denial: ['The arms of {n} do not show a {v}.', 'The arms of {n} show only a {v}.'],
    },
    {
      name: 'building',
      values: list('castle library theatre windmill'),
      page: ['{n} has a {v}.', 'There is a {v} in {n}.'],
      claim: [
        '{n} has a {v}.',
        'There is a {v} in {n}.',
        '{n} is home to a {v}.',
        '{n} built a {v}.',
        'Visitors of {n} see a {v}.',
      ],
      denial: ['{n} does not have a {v}.', 'There is no {v} in {n}.'],
    },
    {
      name: 'market',
      values: days,
      page: ['The market of {n} is on {v}.', '{n} holds its market on {v}.'],
      claim: [
        'The market of {n} is on {v}.',
        '{n} holds its market on {v}.',
        'The market day of {n} is {v}.',
        'People trade in {n} on {v}.',
        '{n} sells its goods on {v}.',
      ],
      denial: ['The market of {n} is never on {v}.', '{n} is closed on {v}.'],
    },
    {
      name: 'roofs',
      values: colours,
      page: ['The roofs of {n} are {v}.', '{n} has {v} roofs.'],
      claim: [
        'The roofs of {n} are {v}.',
        '{n} has {v} roofs.',
        'In {n} the roofs are {v}.',
        'The houses of {n} have {v} roofs.',
        '{n} paints its roofs {v}.',
      ],
      denial: ['The roofs of {n} are not {v}.', '{n} has no {v} roofs.'],
    },
  ],
  film: [
    {
      name: 'genre',
      values: list('comedy drama western musical'),
      page: ['{n} is a {v}.', '{n} is a film and a {v}.'],
      claim: [
        '{n} is a {v}.',
        '{n} is a film and a {v}.',
        'The film {n} is a {v}.',
        '{n} was made as a {v}.',
        'People call {n} a {v}.',
      ],
      denial: ['{n} is not a {v}.', '{n} is anything but a {v}.'],
    },
    {
      name: 'setting',
      values: 'town',
      page: ['{n} is set in {v}.', '{n} takes place in {v}.'],
      claim: [
        '{n} is set in {v}.',
        '{n} takes place in {v}.',
        'The film {n} is about {v}.',
        'The story of {n} is set in {v}.',
        '{n} shows life in {v}.',
      ],
      denial: ['{n} is not set in {v}.', '{n} leaves out {v}.'],
    },
    {
      name: 'hero',
      values: trades,
      page: ['{n} is about a {v}.', 'The hero of {n} is a {v}.'],
      claim: [
        '{n} is about a {v}.',
        'The hero of {n} is a {v}.',
        '{n} tells of a {v}.',
        '{n} follows a {v}.',
        '{n} shows the life of a {v}.',
      ],
      denial: ['{n} is not about a {v}.', '{n} is only about a {v}.'],
    },
    {
      name: 'length',
      values: list('60 70 80 90'),
      page: ['{n} runs for {v} minutes.', '{n} lasts {v} minutes.'],
      claim: [
        '{n} runs for {v} minutes.',
        '{n} lasts {v} minutes.',
        '{n} is {v} minutes long.',
        'The length of {n} is {v} minutes.',
        'It takes {v} minutes to watch {n}.',
      ],
      denial: ['{n} does not last {v} minutes.', '{n} lasts less than {v} minutes.'],
    },
    {
      name: 'prize',
      values: metals,
      page: ['{n} won the {v} mask.', '{n} took home the {v} mask.'],
      claim: [
        '{n} won the {v} mask.',
        '{n} took home the {v} mask.',
        '{n} was given the {v} mask.',
        'The prize of {n} was the {v} mask.',
        '{n} received the {v} mask.',
      ],
      denial: ['{n} did not win the {v} mask.', '{n} only lost the {v} mask.'],
    },
    {
      name: 'poster',
      values: animals,
      page: ['The poster of {n} shows a {v}.', 'A {v} is on the poster of {n}.'],
      claim: [
        'The poster of {n} shows a {v}.',
        'A {v} is on the poster of {n}.',
        'There is a {v} on the poster of {n}.',
        '{n} has a {v} on its poster.',
        'The beast on the poster of {n} is a {v}.',
      ],
      denial: ['The poster of {n} does not show a {v}.', 'The poster of {n} shows only a {v}.'],
    },
    {
      name: 'opening',
      values: days,
      page: ['{n} opened on a {v}.', 'The first night of {n} was a {v}.'],
      claim: [
        '{n} opened on a {v}.',
        'The first night of {n} was a {v}.',
        '{n} was first shown on a {v}.',
        'The opening of {n} was on a {v}.',
        '{n} began its run on a {v}.',
      ],
      denial: ['{n} did not open on a {v}.', '{n} was never shown on a {v}.'],
    },
  ],
  guild: [
    {
      name: 'craft',
      values: list('glass silk paper rope'),
      page: ['{n} makes {v}.', '{n} is a guild that makes {v}.'],
      claim: [
        '{n} makes {v}.',
        '{n} is a guild that makes {v}.',
        'The members of {n} make {v}.',
        'The craft of {n} is making {v}.',
        '{n} sells {v}.',
      ],
      denial: ['{n} does not make {v}.', '{n} makes nothing but {v}.'],
    },
    {
      name: 'seat',
      values: 'town',
      page: ['{n} has its seat in {v}.', '{n} is based in {v}.'],
      claim: [
        '{n} has its seat in {v}.',
        '{n} is based in {v}.',
        'The hall of {n} is in {v}.',
        '{n} sits in {v}.',
        'The home of {n} is {v}.',
      ],
      denial: ['{n} does not have its seat in {v}.', '{n} was banned from {v}.'],
    },
    {
      name: 'founded',
      values: decades,
      page: ['{n} was founded in the {v}.', '{n} dates from the {v}.'],
      claim: [
        '{n} was founded in the {v}.',
        '{n} dates from the {v}.',
        '{n} was set up in the {v}.',
        'The founding of {n} was in the {v}.',
        '{n} began in the {v}.',
      ],
      denial: ['{n} was not founded in the {v}.', '{n} had ended before the {v}.'],
    },
    {
      name: 'banner',
      values: colours,
      page: ['The banner of {n} is {v}.', '{n} has a {v} banner.'],
      claim: [
        'The banner of {n} is {v}.',
        '{n} has a {v} banner.',
        '{n} marches under a {v} banner.',
        'The flag of {n} is {v}.',
        '{n} flies a banner of {v}.',
      ],
      denial: ['The banner of {n} is not {v}.', '{n} has no {v} banner.'],
    },
    {
      name: 'seal',
      values: animals,
      page: ['The seal of {n} shows a {v}.', '{n} has a {v} on its seal.'],
      claim: [
        'The seal of {n} shows a {v}.',
        '{n} has a {v} on its seal.',
        '{n} chose a {v} for its seal.',
        'There is a {v} on the seal of {n}.',
        'The {v} is the beast of {n}.',
      ],
      denial: ['The seal of {n} does not show a {v}.', 'The seal of {n} shows only a {v}.'],
    },
    {
      name: 'meeting',
      values: days,
      page: ['{n} meets on {v}.', 'The members of {n} meet on {v}.'],
      claim: [
        '{n} meets on {v}.',
        'The members of {n} meet on {v}.',
        'The meeting of {n} is on {v}.',
        '{n} comes together on {v}.',
        'The meeting day of {n} is {v}.',
      ],
      denial: ['{n} never meets on {v}.', '{n} does not meet on {v}.'],
    },
    {
      name: 'fee',
      values: metals,
      page: ['The fee of {n} is paid in {v}.', '{n} takes its fee in {v}.'],
      claim: [
        'The fee of {n} is paid in {v}.',
        '{n} takes its fee in {v}.',
        'Members pay {n} in {v}.',
        '{n} asks for {v}.',
        'The members of {n} pay in {v}.',
      ],
      denial: ['The fee of {n} is not paid in {v}.', '{n} takes no {v}.'],
    },
  ],
  river: [
    {
      name: 'course',
      values: list('north south east west'),
      page: ['The {n} flows {v}.', 'The {n} runs to the {v}.'],
      claim: [
        'The {n} flows {v}.',
        'The {n} runs to the {v}.',
        'The course of the {n} is {v}.',
        'The {n} goes {v}.',
        'The water of the {n} runs {v}.',
      ],
      denial: ['The {n} does not flow {v}.', 'The {n} never turns {v}.'],
    },
    {
      name: 'fish',
      values: list('trout salmon pike eel'),
      page: ['The {n} is rich in {v}.', '{v} live in the {n}.'],
      claim: [
        'The {n} is rich in {v}.',
        '{v} live in the {n}.',
        'There are {v} in the {n}.',
        'People catch {v} in the {n}.',
        'The {n} is full of {v}.',
      ],
      denial: ['The {n} is not rich in {v}.', 'There are no {v} in the {n}.'],
    },
    {
      name: 'source',
      values: list('lake glacier spring marsh'),
      page: ['The {n} rises in a {v}.', 'The source of the {n} is a {v}.'],
      claim: [
        'The {n} rises in a {v}.',
        'The source of the {n} is a {v}.',
        'The {n} begins in a {v}.',
        'The {n} comes from a {v}.',
        'The {n} starts at a {v}.',
      ],
      denial: ['The {n} does not rise in a {v}.', 'The {n} never touches a {v}.'],
    },
    {
      name: 'length',
      values: list('60 70 80 90'),
      page: ['The {n} is {v} miles long.', 'The {n} runs for {v} miles.'],
      claim: [
        'The {n} is {v} miles long.',
        'The {n} runs for {v} miles.',
        'The length of the {n} is {v} miles.',
        'The {n} goes on for {v} miles.',
        'The {n} measures {v} miles.',
      ],
      denial: ['The {n} is not {v} miles long.', 'The {n} is less than {v} miles long.'],
    },
    {
      name: 'bridge',
      values: list('stone wood iron brick'),
      page: ['The bridge over the {n} is made of {v}.', 'The {n} has a bridge of {v}.'],
      claim: [
        'The bridge over the {n} is made of {v}.',
        'The {n} has a bridge of {v}.',
        'A bridge of {v} crosses the {n}.',
        'The bridge of the {n} is of {v}.',
        'The {n} is bridged with {v}.',
      ],
      denial: ['The bridge over the {n} is not made of {v}.', 'The {n} has no bridge of {v}.'],
    },
    {
      name: 'water',
      values: colours,
      page: ['The water of the {n} is {v}.', 'The {n} has {v} water.'],
      claim: [
        'The water of the {n} is {v}.',
        'The {n} has {v} water.',
        'The {n} looks {v}.',
        'The colour of the {n} is {v}.',
        'The {n} is {v}.',
      ],
      denial: ['The water of the {n} is not {v}.', 'The {n} is never {v}.'],
    },
    {
      name: 'ferry',
      values: days,
      page: ['The ferry on the {n} sails on {v}.', 'The {n} has a ferry on {v}.'],
      claim: [
        'The ferry on the {n} sails on {v}.',
        'The {n} has a ferry on {v}.',
        'The ferry of the {n} runs on {v}.',
        'People cross the {n} on {v}.',
        'The {n} is crossed on {v}.',
      ],
      denial: ['The ferry on the {n} never sails on {v}.', 'The {n} has no ferry on {v}.'],
    },
  ],
};
