import { alsoListed, denies, deny, GUARD, type MysqlRow, yes } from './support/mysql.ts';

/** Comments that the server executes are code; others are blanks. */
export const row: MysqlRow = {
  id: 'MY-16',
  title: 'comments',
  rules: ['R6'],
  cases: [
    ...alsoListed(
      denies({
        'a version comment without a version': '/*! delete from forbidden */',
        'of an old version': '/*!40000 delete from forbidden */',
        'of this very version': '/*!101100 delete from forbidden */',
        'of MariaDB': '/*M! delete from forbidden */',
        'of MariaDB with a version': '/*M!100100 delete from forbidden */',
        'the table alone': 'delete from /*! forbidden */',
        'half a word': 'select * /*!50000 from forbidden */',
        'a hint': 'select /*+ x */ * from forbidden',
        'a dash comment without a blank is none': 'select 1 --1 from forbidden',
        hash: 'select * # from t\n from forbidden',
        'a comment in the name’s place': 'select * from/**/forbidden',
        'one comment inside another': '/*! select * /* x */ from forbidden */',
        'a newer version is a comment': 'select * from t /*!999999 where */ , forbidden',
        'an opening in a line comment': 'select 1 -- /*\n from forbidden -- */',
        'an opening in a string': "select '/*' from forbidden where '*/'",
        'a closing behind a version comment': 'select 1 /*!999999 */ from forbidden /* */',
        'two of them': '/*!50000 select */ /*!50000 * from forbidden */',
      }),
    ),
    {
      name: 'a server whose version is not known',
      policies: GUARD,
      greeting: { version: 'who knows' },
      notReal: 'MariaDB says its version',
      says: [deny('select 1 /*!50000 from forbidden */'), deny('/*!99999 delete from forbidden */'), yes('select 1')],
    },
    {
      name: 'MySQL’s own versions before MySQL',
      policies: GUARD,
      greeting: { version: '8.0.36' },
      notReal: 'not MySQL',
      says: [deny('/*!80000 delete from forbidden */'), deny('/*!50000 delete from forbidden */'), yes('select 1')],
    },
  ],
};
