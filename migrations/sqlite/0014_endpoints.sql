-- Endpoints that operators made. They belong to no source: theirs is `_sending`, whose bookmark
-- `endpoint_settings` counts the changes.
CREATE TABLE endpoint_settings (
    source   TEXT    NOT NULL,
    key      TEXT    NOT NULL, -- the name
    revision INTEGER NOT NULL, -- which change of endpoints it comes from
    sealed   TEXT    NOT NULL, -- the settings under a sealing key, in hexadecimal
    CONSTRAINT endpoint_settings_pkey PRIMARY KEY (source, key)
) WITHOUT ROWID;
