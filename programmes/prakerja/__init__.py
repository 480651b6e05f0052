"""Kartu Prakerja as data: rules by date, texts, regions, consent, operating points and waves."""
