"""Read the audit chains of a home and say what was changed, taken out, put in or moved. Exit 1 if anything was.

scripts/audit-verify [--home DIR] [--tenant NAME]
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path


def main() -> int:
    """Returns 0 for sound chains, 1 for faults, 66 for a home without a record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=Path(".bizosaas"), help="the platform's home folder")
    parser.add_argument("--tenant", help="one tenant only")
    options = parser.parse_args()
    if not (options.home / "audit.db").exists() and "BIZOSAAS_AUDIT_DATABASE_URL" not in os.environ:
        print(f"there is no audit record in {options.home}", file=sys.stderr)
        return 66
    os.environ["BIZOSAAS_HOME"] = str(options.home.absolute())
    from sqlalchemy.exc import SQLAlchemyError

    from shared.coordination.record import Record
    from shared.store.database import Unit

    unit = Unit("audit")
    record = Record(unit)
    found = 0
    for tenant in [options.tenant] if options.tenant else record.tenants():
        try:
            faults = list(record.faults(tenant))
        except SQLAlchemyError as error:
            faults = [f"{tenant or 'platform'}: the chain cannot be read ({str(error).splitlines()[0]})"]
        found += len(faults)
        print(
            "\n".join(faults)
            if faults
            else f"{tenant or 'platform'}: {record.length(tenant)} facts, the chain is sound"
        )
    unit.close()
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
