/**
 * What the made-up people are called; all common, none of anybody. Initials that the people with a story do without, so
 * that a search by name still shows those.
 */
export const FAMILIES = (
  'Ebert Eckert Engels Fiedler Franke Freitag Gebhardt Gerlach Glaser Ihle Jahnke Jansen Lorenz Lindner Naumann Neubert Otte Oswald ' +
  'Paulsen Pohl Quast Rieger Ritter Thiele Tietz Ullmann Ulrich Vetter Yilmaz Zander'
).split(' ');
export const FEMALE =
  'Andrea Beate Carla Doris Elif Frieda Greta Hanna Ines Jana Katrin Lea Mira Nele Petra'.split(' ');
export const MALE = 'Arne Björn Can David Emil Felix Georg Henri Jens Karl Lukas Milan Nils Olaf Paul'.split(
  ' ',
);
export const STREETS = [
  'Gartenweg',
  'Feldstr.',
  'Schulstr.',
  'Am Bach',
  'Uferweg',
  'Kirchgasse',
  'Wiesenring',
];
export const PLACES: readonly (readonly [city: string, postcode: string])[] = [
  ['Neustadt', '01097'],
  ['Neustadt', '01099'],
  ['Altdorf', '01326'],
  ['Neustadt', '01129'],
];
