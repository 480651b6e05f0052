"""The draw at national size: batch steps over columns of numpy arrays, which no request handler imports."""
