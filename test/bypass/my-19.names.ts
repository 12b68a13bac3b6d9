import { alsoListed, denies, deny, GUARD, type MysqlRow, rules, yes } from './support/mysql.ts';

/** Names in every way they may be written. */
export const row: MysqlRow = {
  id: 'MY-19',
  title: 'names',
  rules: ['R11'],
  cases: [
    ...alsoListed(
      denies({
        'in backticks': 'select * from `forbidden`',
        'with its database': 'select * from shop.forbidden',
        'with blanks around the dot': 'select * from shop . forbidden',
        'both in backticks': 'select * from `shop`.`forbidden`',
        mixed: 'select * from shop.`forbidden`',
        'a comment in the middle': 'select * from shop./**/forbidden',
        'a new line in the middle': 'select * from shop\n.\nforbidden',
        'no blank before it': 'select*from`forbidden`where 1',
        'in parentheses': 'select * from (forbidden)',
        'behind a comma': 'select * from t,forbidden',
        'in another database': 'select * from vault.t',
        'in another database, in backticks': 'select * from `vault`.`t`',
        'with an alias of another name': 'select t.a from forbidden as t',
        'with an alias without AS': 'select t.a from forbidden t',
        'as its own alias': 'select 1 from t as x, forbidden as forbidden',
        'as a common table expression that reads it':
          'with forbidden as (select * from forbidden) select 1 from forbidden',
        'behind a common table expression of its name': 'with forbidden as (select 1) select * from shop.forbidden',
      }),
    ),
    {
      name: 'in capitals, as some servers fold them',
      policies: GUARD,
      says: [
        deny('select * from FORBIDDEN'),
        deny('select * from Vault.t'),
        deny('select * from shop.Forbidden'),
        yes('select 1'),
      ],
    },
    {
      name: 'an allow list takes no other case',
      policies: rules({ name: 'list', action: 'allow', operations: ['select'], targets: ['shop.t'] }),
      says: [deny('select * from T'), deny('select * from SHOP.t'), yes('select * from t')],
      hidden: /from T|SHOP/,
    },
    {
      name: 'folded by an option',
      policies: rules({ name: 'list', action: 'allow', operations: ['select'], targets: ['shop.t'] }),
      options: { lower_case_table_names: 1 },
      notReal: 'the real one does not fold',
      says: [yes('select * from T'), yes('select * from SHOP.t'), deny('select * from FORBIDDEN')],
      hidden: /FORBIDDEN/,
    },
  ],
};
