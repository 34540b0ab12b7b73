"""Disclosure: what the public may know of a night, as files that change all at once.

    publish(con, settings)     the latest evaluated night to `published/`: pages, documents, bulk files, feed, signatures
    rollback(settings)         back to an earlier version, signed as the newest

versions   writing a version aside, switching to it, keeping the last ones
night      the stored night and the register, counted and cleared for publication
history    what earlier nights say: trends, the platform's history, who moved
privacy    what may be published, and how finely
figures    the figures of the last 30, 180 and 365 days
documents  the JSON document of a merchant; merchant.schema.json describes it
render     merchants' files: rendered where something is new, kept where nothing is; in several processes
summary    the platform's own figures
site       pages, badges, search
bulk       Parquet, CSV, NDJSON; datapackage describes them
life       the life of the rules, and the text of each version
manifest   length and SHA-256 of every file; what changed since the version before
dictionary the page about all this, docs/reference/disclosure.md
"""
