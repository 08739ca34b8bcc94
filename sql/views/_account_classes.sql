-- The classes of the plan comptable général and what they are called.

CREATE OR REPLACE VIEW pennylane._account_classes AS
SELECT pcg_1, categorie_compte
FROM (VALUES
    ('1', 'Capitaux'),
    ('2', 'Immobilisations'),
    ('3', 'Stocks'),
    ('4', 'Tiers'),
    ('5', 'Financier'),
    ('6', 'Charges'),
    ('7', 'Produits'),
    ('8', 'Spéciaux'),
    ('9', 'Analytique')
) AS classes (pcg_1, categorie_compte);

COMMENT ON VIEW pennylane._account_classes IS 'Internal: the classes of the chart of accounts and their names.';
